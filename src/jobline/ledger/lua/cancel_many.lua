-- cancel_many: cancels the newest jobs that fit a filter and are not final, a bounded number at a time.
-- ARGV 1 tenant, then for the filter: stamp below which it begins or '', stamp at and above which it ends or '',
--      states separated by spaces, task, queue, tag, batch ('' where any will do), the most jobs to cancel;
--      10… retention
-- reply {revoked, asked, stamp to go on from or ''}
-- event job.revoked
past_full()
local filter, retention = read_filter(1), read_retention(10)
local ms, seen = math.floor(now_us() / 1000), 0
local counts = { revoked = 0, asked = 0 }
local last = walk_jobs(filter, function(id)
  seen = seen + 1
  local job = load_job(id)
  if job and not FINAL_EVENT[job.state] then
    local word = cancel_job(job, ms, retention)
    if counts[word] then counts[word] = counts[word] + 1 end
  end
  return seen == filter.limit
end)
return { counts.revoked, counts.asked, last }
