-- Duty: keep the set of tasks with blocked jobs that a worker did not know, and no longer than there are such jobs.

-- Returns the tasks; forgets, of each, one place in the rotation where no job is blocked any more.
local function list_unserved()
  local tasks = redis.call('SMEMBERS', UNSERVED)
  for _, task in ipairs(tasks) do
    local queue_tenant = redis.call('ZRANGE', blocked_rotation_key(task), 0, 0)[1]
    if not queue_tenant then
      redis.call('SREM', UNSERVED, task)
    else
      local queue, tenant = string.match(queue_tenant, '^(.*):(.*)$')
      if redis.call('EXISTS', blocked_key(task, queue, tenant)) == 0 then
        redis.call('ZREM', blocked_rotation_key(task), queue_tenant)
      end
    end
  end
  return tasks
end
