-- Duty: keep the set of tasks with blocked jobs that a worker did not know, and no longer than there are such jobs.

-- Returns the tasks; forgets, of each, one place in the rotation where no job is blocked any more.
local function list_unserved()
  local tasks = redis.call('SMEMBERS', UNSERVED)
  for _, task in ipairs(tasks) do
    local rotation = blocked_rotation_key(task)
    local queue_tenant = redis.call('ZRANGE', rotation, 0, 0)[1]
    if queue_tenant then
      local queue, tenant = string.match(queue_tenant, '^(.*):(.*)$')
      if redis.call('EXISTS', blocked_key(task, queue, tenant)) == 0 then
        redis.call('ZREM', rotation, queue_tenant)
      end
    end
    if redis.call('EXISTS', rotation) == 0 then
      redis.call('SREM', UNSERVED, task)
    end
  end
  return tasks
end
