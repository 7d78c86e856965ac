-- Who may run at once: what a job counts in, and who lets a held one go on.

-- Limits on running jobs cost only jobs that have one. `held` of a job names what it counts in: 'k' its task, 't' its
-- tenant. A job whose task is full is PARKED; who ends hands its count to the next parked job, tenant by tenant, which
-- goes back to its place in the queue and starts from there. So parked jobs imply that one counts, and that they go on.
local function unpark(task)
  while true do
    local line = redis.call('ZRANGE', parked_rota_key(task), 0, 0)[1]
    if not line then return false end
    local queue, tenant = string.match(line, '^(.*):(.*)$')
    local next_one = redis.call('ZPOPMIN', parked_key(task, queue, tenant))
    if next_one[1] then
      redis.call('ZADD', parked_rota_key(task), whole(now_us()), line)
      redis.call('HSET', job_key(next_one[1]), 'held', 'k')
      redis.call('ZADD', waiting_key(queue, tenant), next_one[2], next_one[1])
      redis.call('ZADD', rota_key(queue), 'NX', 0, tenant)
      wake(queue, 1)
      return true
    end
    redis.call('ZREM', parked_rota_key(task), line)
  end
end

local function count_down(key, field)
  if redis.call('HINCRBY', key, field, -1) <= 0 then redis.call('HDEL', key, field) end
end

local function let_go(job)
  redis.call('HDEL', job_key(job.id), 'held')
  if string.find(job.held, 'k', 1, true) and not unpark(job.task) then count_down(TASKS_RUNNING, job.task) end
  if string.find(job.held, 't', 1, true) then
    count_down(TENANTS_RUNNING, job.tenant)
    for _, queue in ipairs(redis.call('SMEMBERS', barred_key(job.tenant))) do
      redis.call('ZADD', rota_key(queue), 'NX', 0, job.tenant)
      wake(queue, 1)
    end
    redis.call('DEL', barred_key(job.tenant))
  end
  job.held = nil
end

-- Gives the queue of each running job: as many as there are slots, however many tenants and jobs there are.
local function running_queues()
  local queues = {}
  for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
    queues[#queues + 1] = string.match(redis.call('HGET', job_key(id), 'place') or '', '.*:(.*)') or ''
  end
  return queues
end
