-- Duty: rescue the attempts whose lease has ended.
--
-- A gap in the ticks means that Redis or every worker was out of reach. Then no attempt is rescued for one lease, so that
-- the workers that live can renew theirs first.

local function rescue_lost(work, lease_ms)
  local last = tonumber(redis.call('HGET', TICK, 'last') or 0)
  redis.call('HSET', TICK, 'last', whole(work.ms))
  if work.ms - last > TICK_GAP_MS then redis.call('HSET', TICK, 'rescue_after', whole(work.ms + lease_ms)) end
  if work.ms < tonumber(redis.call('HGET', TICK, 'rescue_after') or 0) then return end
  for _, id in ipairs(take_due(work, LEASES)) do
    local job = load_job(id)
    if job and job.state == 'STARTED' then
      rescue_attempt(job, work.ms, work.retention)
    else
      redis.call('ZREM', LEASES, id)
    end
  end
end
