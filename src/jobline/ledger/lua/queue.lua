-- queue: the statistics of one queue.
-- ARGV 1 queue, 2… tasks that have a limit on running jobs
-- reply names and values: depth, scheduled, running, paused (1 or 0), oldest (stamp of the job that waits longest, or ''),
--       now_ms, by_priority {waiting jobs of priority 0, … 9}, ended {jobs that ended in the present minute, and in each
--       of the five before it}, unserved {names and numbers: the blocked jobs of each task that some worker did not know}
local queue, ms = ARGV[1], math.floor(now_us() / 1000)
local by_priority, oldest, running, ended = {}, nil, 0, {}
for priority = 0, 9 do by_priority[priority + 1] = 0 end

-- Most jobs have the default priority. With it counted first, the others often need no look.
local function count_waiting(key)
  local left = redis.call('ZCARD', key)
  for _, priority in ipairs({ 5, 9, 8, 7, 6, 4, 3, 2, 1, 0 }) do
    if left == 0 then return end
    local first, past = rank(priority, EPOCH_US), '(' .. rank(priority - 1, EPOCH_US)
    local found = redis.call('ZCOUNT', key, first, past)
    if found > 0 then
      by_priority[priority + 1] = by_priority[priority + 1] + found
      left = left - found
      local head = redis.call('ZRANGEBYSCORE', key, first, past, 'WITHSCORES', 'LIMIT', 0, 1)
      local stamp = tonumber(head[2]) - tonumber(first) + EPOCH_US
      if not oldest or stamp < oldest then oldest = stamp end
    end
  end
end

-- A tenant with waiting jobs is in the rotation, or left it at its limit and then has running jobs.
local tenants = {}
for _, tenant in ipairs(redis.call('ZRANGE', rotation_key(queue), 0, -1)) do tenants[tenant] = true end
for _, tenant in ipairs(redis.call('HKEYS', TENANTS_RUNNING)) do tenants[tenant] = true end
for tenant in pairs(tenants) do count_waiting(waiting_key(queue, tenant)) end
local tasks, unserved = {}, {}
for index = 2, #ARGV do tasks[ARGV[index]] = 0 end
local unknown = redis.call('SMEMBERS', UNSERVED)
for _, task in ipairs(unknown) do tasks[task] = 0 end
for task in pairs(tasks) do
  for _, queue_tenant in ipairs(redis.call('ZRANGE', blocked_rotation_key(task), 0, -1)) do
    local its_queue, tenant = string.match(queue_tenant, '^(.*):(.*)$')
    if its_queue == queue then
      count_waiting(blocked_key(task, queue, tenant))
      tasks[task] = tasks[task] + redis.call('ZCARD', blocked_key(task, queue, tenant))
    end
  end
end
for _, task in ipairs(unknown) do
  if tasks[task] > 0 then unserved[#unserved + 1], unserved[#unserved + 2] = task, tasks[task] end
end
for _, its_queue in ipairs(running_queues()) do
  if its_queue == queue then running = running + 1 end
end
for back = 0, 5 do
  local minute = whole(math.floor(ms / 60000) - back)
  ended[back + 1] = tonumber(redis.call('HGET', ended_key(minute), queue) or 0)
end
return {
  'depth', tonumber(redis.call('HGET', QUEUES, queue) or 0), 'scheduled', redis.call('ZCARD', due_key(queue)),
  'running', running, 'paused', redis.call('SISMEMBER', PAUSED, queue), 'oldest', oldest and whole(oldest) or '',
  'now_ms', whole(ms), 'by_priority', by_priority, 'ended', ended,
  'unserved', unserved,
}
