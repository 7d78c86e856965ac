-- queue: how one queue stands.
-- ARGV 1 queue, 2… tasks that have a limit of running jobs
-- reply {depth, scheduled, running, '1' where it is paused, stamp of the job that waits longest or '', now_ms,
--        {waiting jobs of priority 0, … 9}, {jobs that ended in the present minute, and in each before it}}
local queue, ms = ARGV[1], math.floor(now_us() / 1000)
local by_priority, oldest, running, ended = {}, nil, 0, {}
for priority = 0, 9 do by_priority[priority + 1] = 0 end

-- Most jobs have the default priority: counted first, the others often need no look.
local function count_waiting(line)
  local left = redis.call('ZCARD', line)
  for _, priority in ipairs({ 5, 9, 8, 7, 6, 4, 3, 2, 1, 0 }) do
    if left == 0 then return end
    local first, past = turn(priority, EPOCH_US), '(' .. turn(priority - 1, EPOCH_US)
    local found = redis.call('ZCOUNT', line, first, past)
    if found > 0 then
      by_priority[priority + 1] = by_priority[priority + 1] + found
      left = left - found
      local head = redis.call('ZRANGEBYSCORE', line, first, past, 'WITHSCORES', 'LIMIT', 0, 1)
      local stamp = tonumber(head[2]) - tonumber(first) + EPOCH_US
      if not oldest or stamp < oldest then oldest = stamp end
    end
  end
end

-- Who waits is in the rotation, or left it at the limit on running jobs, and then has some.
local tenants = {}
for _, tenant in ipairs(redis.call('ZRANGE', rota_key(queue), 0, -1)) do tenants[tenant] = true end
for _, tenant in ipairs(redis.call('HKEYS', TENANTS_RUNNING)) do tenants[tenant] = true end
for tenant in pairs(tenants) do count_waiting(waiting_key(queue, tenant)) end
for index = 2, #ARGV do
  for _, line in ipairs(redis.call('ZRANGE', parked_rota_key(ARGV[index]), 0, -1)) do
    local its_queue, tenant = string.match(line, '^(.*):(.*)$')
    if its_queue == queue then count_waiting(parked_key(ARGV[index], queue, tenant)) end
  end
end
for _, its_queue in ipairs(running_queues()) do
  if its_queue == queue then running = running + 1 end
end
local minute = math.floor(ms / 60000)
for back = 0, 5 do ended[back + 1] = tonumber(redis.call('HGET', ended_key(whole(minute - back)), queue) or 0) end
return { tonumber(redis.call('HGET', QUEUES, queue) or 0), redis.call('ZCARD', due_key(queue)), running,
  redis.call('SISMEMBER', PAUSED, queue) == 1 and '1' or '', oldest and whole(oldest) or '', whole(ms), by_priority, ended }
