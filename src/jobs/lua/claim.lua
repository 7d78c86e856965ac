-- claim: starts the next waiting jobs of the given queues, for as many slots as are free.
-- ARGV 1 owner, 2 lease_ms, 3 slots, 4 ttl_ms, 5 file_ttl_ms, 6… queues, in the order in which they are served
-- reply a list of {id, place, attempt, max_attempts, fence, timeout_ms, input}, at most `slots` long
-- event job.started; job.revoked for a job that was to start earlier
local owner, lease, slots = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local ms = math.floor(now_us() / 1000)
local claimed, looked = {}, 0

local function start(job)
  if job.start_by then
    redis.call('ZREM', START_BY, job.id)
    if job.attempt == 0 and tonumber(job.start_by) <= ms then
      return revoke(job, 'expired', 'The job did not start before it expired.', ms, tonumber(ARGV[4]), tonumber(ARGV[5]))
    end
  end
  job.attempt, job.fence = job.attempt + 1, job.fence + 1
  move(job, 'STARTED', 'attempt', job.attempt, 'fence', job.fence, 'owner', owner, 'started', whole(ms))
  redis.call('ZADD', LEASES, whole(ms + lease), job.id)
  emit(job, 'job.started', '{"attempt":' .. job.attempt .. '}')
  claimed[#claimed + 1] = { job.id, job.place, job.attempt, job.max_attempts, job.fence, job.more[1], job.more[2] }
end

for index = 6, #ARGV do
  local queue = ARGV[index]
  if redis.call('SISMEMBER', PAUSED, queue) == 0 then
    while #claimed < slots and looked < slots + CLAIM_SKIPS do
      local next_ids = redis.call('ZPOPMIN', waiting_key(queue), slots - #claimed)
      if #next_ids == 0 then break end
      for position = 1, #next_ids, 2 do
        looked = looked + 1
        local job = load_job(next_ids[position], 'timeout_ms', 'input')
        if job and (job.state == 'PENDING' or job.state == 'RETRY') then start(job) end
      end
    end
  end
end
return claimed
