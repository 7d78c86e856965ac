-- bulk_cancel: cancels the newest jobs that fit a filter and are not final, a bounded number in one call.
-- ARGV 1… the filter, as read_filter reads it; its limit is the maximum number of jobs to look at; 10… retention
-- reply {how many are revoked, how many are requested, stamp to go on from or ''}
-- event job.revoked
write_when_full()
local filter, retention = read_filter(1), read_retention(10)
local ms, visited = math.floor(now_us() / 1000), 0
local counts = { revoked = 0, requested = 0 }
local last = walk_jobs(filter, function(id)
  visited = visited + 1
  local job = load_job(id)
  if job and not FINAL_EVENT[job.state] then
    local word = cancel_job(job, ms, retention)
    if counts[word] then counts[word] = counts[word] + 1 end
  end
  return visited == filter.limit
end)
return { counts.revoked, counts.requested, last }
