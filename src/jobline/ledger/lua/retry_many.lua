-- retry_many: repeats the newest jobs that fit a filter, a bounded number at a time; one that was repeated is left out.
-- ARGV 1 tenant, then for the filter: stamp below which it begins or '', stamp at and above which it ends or '',
--      states separated by spaces, task, queue, tag, batch ('' where any will do), the most jobs to look at;
--      10 queue limit, 11… ids of the new jobs, as many as jobs to look at
-- reply {retried, skipped, stamp to go on from or '', '' | 'full'}; skipped are those whose files are gone, too
-- event job.created
local filter, seen, retried, skipped, full, stopped = read_filter(1), 0, 0, 0, '', nil
local last = walk_jobs(filter, function(id)
  local job = load_job(id, 'retried_as')
  if job and (job.state == 'FAILURE' or job.state == 'REVOKED') then
    seen = seen + 1
    local word = 'skipped'
    if not job.more[1] then word = repeat_job(job, ARGV[10 + seen], tonumber(ARGV[10]))[1] end
    if word == 'full' then
      full = 'full'
      return true
    end
    if word == 'created' then retried = retried + 1 else skipped = skipped + 1 end
  end
  return seen == filter.limit
end)
return { retried, skipped, last, full }
