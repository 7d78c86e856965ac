-- Limits on running jobs, of a task or of each tenant. A running job under a limit holds a permit of it; `permits` in its
-- record names them: 'task', 'tenant' or 'task tenant'. Jobs without a limit pay nothing for this.
--
-- A job whose task is at its limit is BLOCKED. A finishing job passes its permit to the next blocked one, tenant by
-- tenant, which returns to its rank in the queue and starts from there. Invariant: while any job of a task is blocked,
-- another one holds a permit, so the blocked ones go on.

-- Passes a permit of a task to its next blocked job; returns whether there was one.
local function unblock_next(task)
  while true do
    local queue_tenant = redis.call('ZRANGE', blocked_rotation_key(task), 0, 0)[1]
    if not queue_tenant then return false end
    local queue, tenant = string.match(queue_tenant, '^(.*):(.*)$')
    local id, score = unpack(redis.call('ZPOPMIN', blocked_key(task, queue, tenant)))
    if id then
      redis.call('ZADD', blocked_rotation_key(task), whole(now_us()), queue_tenant)
      redis.call('HSET', job_key(id), 'permits', 'task')
      redis.call('ZADD', waiting_key(queue, tenant), score, id)
      redis.call('ZADD', rotation_key(queue), 'NX', 0, tenant)
      wake(queue, 1)
      return true
    end
    redis.call('ZREM', blocked_rotation_key(task), queue_tenant)
  end
end

local function decrement(key, field)
  if redis.call('HINCRBY', key, field, -1) <= 0 then redis.call('HDEL', key, field) end
end

-- Releases the permits of a job that runs no longer. Its tenant returns to the rotations that it left at its limit.
local function release_permits(job)
  redis.call('HDEL', job_key(job.id), 'permits')
  if string.find(job.permits, 'task', 1, true) and not unblock_next(job.task) then decrement(TASKS_RUNNING, job.task) end
  if string.find(job.permits, 'tenant', 1, true) then
    decrement(TENANTS_RUNNING, job.tenant)
    for _, queue in ipairs(redis.call('SMEMBERS', at_limit_key(job.tenant))) do
      redis.call('ZADD', rotation_key(queue), 'NX', 0, job.tenant)
      wake(queue, 1)
    end
    redis.call('DEL', at_limit_key(job.tenant))
  end
  job.permits = nil
end
