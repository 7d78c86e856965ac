-- tick: what time brings. Any worker runs it each second; all of them may.
-- ARGV 1 owner, 2 its description (JSON), 3 lease_ms, 4… retention
-- reply {{ids that the owner should cancel}, '1' where more is left to do}
-- event job.retrying | job.failed | job.revoked
--
-- A gap in the ticks means that Redis or every worker was out of reach. Then no lease is reaped for one lease, so
-- that owners which live can report first.
past_full()
local owner, lease, retention = ARGV[1], tonumber(ARGV[3]), read_retention(4)
local us = now_us()
local ms = math.floor(us / 1000)
local more = ''

local function past(key)
  local ids = redis.call('ZRANGEBYSCORE', key, '-inf', whole(ms), 'LIMIT', 0, TICK_BATCH)
  if #ids == TICK_BATCH then more = '1' end
  return ids
end

redis.call('HSET', worker_key(owner), 'about', ARGV[2], 'beat', whole(ms))
redis.call('PEXPIRE', worker_key(owner), WORKER_TTL_MS)
redis.call('ZADD', WORKERS, whole(ms), owner)
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', whole(ms - WORKER_TTL_MS))

local last = tonumber(redis.call('HGET', TICK, 'last') or 0)
redis.call('HSET', TICK, 'last', whole(ms))
if ms - last > TICK_GAP_MS then redis.call('HSET', TICK, 'hold', whole(ms + lease)) end

local depths = redis.call('HGETALL', QUEUES)
for index = 1, #depths, 2 do
  local queue = depths[index]
  local ids = past(due_key(queue))
  for _, id in ipairs(ids) do
    redis.call('ZREM', due_key(queue), id)
    local job = load_job(id)
    if job and (job.state == 'PENDING' or job.state == 'RETRY') then
      us = next_stamp(us)
      enqueue(job, us)
    end
  end
  if #ids > 0 then wake(queue, #ids) end
  if tonumber(depths[index + 1]) <= 0 then
    redis.call('HDEL', QUEUES, queue)
    redis.call('DEL', rota_key(queue), wake_key(queue))
  end
end

if ms >= tonumber(redis.call('HGET', TICK, 'hold') or 0) then
  for _, id in ipairs(past(LEASES)) do
    local job = load_job(id)
    if job and job.state == 'STARTED' then lose_attempt(job, ms, retention) else redis.call('ZREM', LEASES, id) end
  end
end

for _, id in ipairs(past(START_BY)) do
  redis.call('ZREM', START_BY, id)
  local job = load_job(id)
  if job and job.attempt == 0 and job.state == 'PENDING' then
    leave_queue(job)
    revoke(job, 'expired', 'The job did not start before it expired.', ms, retention)
  end
end

local lines = {}
for _, id in ipairs(past(FINISHED)) do
  local job = load_job(id)
  if job then forget(job, retention, lines) else step_out(lines, FINISHED, id) end
end
clear_lines(lines)
for _, file in ipairs(past(FILES)) do
  local tenant = redis.call('HGET', file_key(file), 'tenant')
  drop_file_record(file)
  if tenant then leave_tombstone(file, tenant, retention) end
end

local cancels = redis.call('SMEMBERS', cancels_key(owner))
if #cancels > 0 then redis.call('DEL', cancels_key(owner)) end
return { cancels, more }
