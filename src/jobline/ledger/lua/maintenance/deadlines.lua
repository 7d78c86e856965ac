-- Duty: end the jobs that had to start by a time and did not.

local function revoke_overdue(work)
  for _, id in ipairs(take_due(work, START_BY)) do
    redis.call('ZREM', START_BY, id)
    local job = load_job(id)
    if job and job.attempt == 0 and job.state == 'PENDING' then
      leave_queue(job)
      revoke_expired(job, work.ms, work.retention)
    end
  end
end
