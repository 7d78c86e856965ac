-- bulk_retry: retries the newest jobs that fit a filter, a bounded number in one call; skips those that were retried.
-- ARGV 1… the filter, as read_filter reads it; its limit is the maximum number of jobs to look at; 10 queue limit,
--      11… ids of the new jobs, as many as the limit
-- reply {how many are retried, how many are skipped, stamp to go on from or '', 'full' where a queue has no room or ''}
--       A job whose files have expired is skipped, too.
-- event job.created
local IDS = 11
local filter, queue_limit = read_filter(1), tonumber(ARGV[10])
local visited, retried, skipped, full = 0, 0, 0, ''
local last = walk_jobs(filter, function(id)
  local job, retried_as = load_job(id, 'retried_as')
  if job and (job.state == 'FAILURE' or job.state == 'REVOKED') then
    local word = 'skipped'
    if not retried_as then word = retry_job(job, ARGV[IDS + visited], queue_limit)[1] end
    visited = visited + 1
    if word == 'full' then
      full = 'full'
      return true
    end
    if word == 'created' then retried = retried + 1 else skipped = skipped + 1 end
  end
  return visited == filter.limit
end)
return { retried, skipped, last, full }
