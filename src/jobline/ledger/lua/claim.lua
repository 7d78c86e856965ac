-- claim: starts the next waiting jobs of the given queues, for as many slots as are free.
-- ARGV 1 owner (the worker, a slash, the number of this claim), 2 lease_ms, 3 slots, 4… retention,
--      7 running jobs a tenant may have (0: any), 8 running jobs a task may have, as 'task=4 task=1', or '',
--      9… queues, in the order in which they are served
-- reply a list of {id, place, attempt, max_attempts, fence, timeout_ms, input}, at most `slots` long
-- event job.started; job.revoked for a job that was to start earlier
--
-- Fairness: the tenants of a queue take turns, who was served longest ago first (ROTA); within a tenant the turn of a
-- job decides. A tenant stays in the rotation until its turn finds nothing, or it could come back ahead of all others.
-- A lone tenant's turn is not even noted.
local owner, lease, slots, tenant_limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[7])
local us = now_us()
local ms = math.floor(us / 1000)
local claimed, looked, limits = {}, 0, {}

local function count(key, field) return tonumber(redis.call('HGET', key, field) or 0) end

-- Counts a job in its task's running ones; false where the task is full, and the job is parked.
local function admit(job, limit, place_in_line)
  local task = job.task
  local running = count(TASKS_RUNNING, task)
  if job.held and running > limit then  -- the limit was lowered
    count_down(TASKS_RUNNING, task)
    redis.call('HDEL', job_key(job.id), 'held')
    job.held = nil
  end
  if not job.held then
    local line = job.queue .. ':' .. job.tenant
    if running >= limit then
      redis.call('ZADD', parked_key(task, job.queue, job.tenant), place_in_line, job.id)
      redis.call('ZADD', parked_rota_key(task), 'NX', 0, line)
      return false
    end
    redis.call('ZADD', parked_rota_key(task), whole(us + looked), line)
    running = redis.call('HINCRBY', TASKS_RUNNING, task, 1)
    job.held = 'k'
    redis.call('HSET', job_key(job.id), 'held', 'k')
  end
  if running < limit and unpark(task) then redis.call('HINCRBY', TASKS_RUNNING, task, 1) end
  return true
end

-- Says whether the job has left the queue: not where its task is full, and it is parked.
local function start(job, place_in_line)
  if job.state ~= 'PENDING' and job.state ~= 'RETRY' then return true end
  if job.start_by and job.attempt == 0 and tonumber(job.start_by) <= ms then
    redis.call('ZREM', START_BY, job.id)
    revoke(job, 'expired', 'The job did not start before it expired.', ms, read_retention(4))
    return true
  end
  local limit = ARGV[8] ~= '' and limits[job.task]
  if limit and not admit(job, limit, place_in_line) then return false end
  if job.start_by then redis.call('ZREM', START_BY, job.id) end
  job.attempt, job.fence = job.attempt + 1, job.fence + 1
  local first = not job.more[3] and announce(job, 'job.started', BEGAN_DETAIL)
  move(job, 'STARTED', 'attempt', job.attempt, 'fence', job.fence, 'owner', owner, 'started', whole(ms),
    unpack(first and { 'began', first } or {}))
  if tenant_limit > 0 then
    redis.call('HINCRBY', TENANTS_RUNNING, job.tenant, 1)
    redis.call('HSET', job_key(job.id), 'held', (job.held or '') .. 't')
  end
  redis.call('ZADD', LEASES, whole(ms + lease), job.id)
  if not first then emit(job, 'job.started', '{"attempt":' .. job.attempt .. '}') end
  claimed[#claimed + 1] = { job.id, job.place, job.attempt, job.max_attempts, job.fence, job.more[1], job.more[2] }
  return true
end

-- Gives one tenant its turn: says how many jobs left the queue, and whether there may be more; nil where it had none.
local function serve(queue, tenant, share)
  looked = looked + 1
  if tenant_limit > 0 then
    share = math.min(share, tenant_limit - count(TENANTS_RUNNING, tenant))
    if share <= 0 then
      redis.call('ZREM', rota_key(queue), tenant)
      redis.call('SADD', barred_key(tenant), queue)
      return nil
    end
  end
  local next_ids = redis.call('ZPOPMIN', waiting_key(queue, tenant), share)
  if #next_ids == 0 then
    redis.call('ZREM', rota_key(queue), tenant)
    return nil
  end
  local left = 0
  for position = 1, #next_ids, 2 do
    looked = looked + 1
    local job = load_job(next_ids[position], 'timeout_ms', 'input', 'began')
    if not job or start(job, next_ids[position + 1]) then left = left + 1 end
  end
  return left, #next_ids == 2 * share
end

for task, limit in string.gmatch(ARGV[8], '(%S+)=(%d+)') do limits[task] = tonumber(limit) end
local paused = redis.call('SMISMEMBER', PAUSED, unpack(ARGV, 9))
for index = 9, #ARGV do
  local queue, left, more = ARGV[index], 0, paused[index - 8] == 0
  while more and #claimed < slots and looked < slots + CLAIM_SKIPS do
    local free = slots - #claimed
    local turns = redis.call('ZRANGE', rota_key(queue), 0, free, 'WITHSCORES')
    local tenants = #turns / 2
    local share, served = math.max(1, math.floor(free / tenants)), {}
    more = tenants > free
    for position = 1, math.min(#turns, 2 * free), 2 do
      local gone, is_rich = serve(queue, turns[position], share)
      if gone then
        left, more = left + gone, more or is_rich
        if tenants > 1 or turns[2] == '0' then
          served[#served + 1] = whole(us + looked)
          served[#served + 1] = turns[position]
        end
      end
    end
    if #served > 0 then redis.call('ZADD', rota_key(queue), unpack(served)) end
  end
  if left > 0 then redis.call('HINCRBY', QUEUES, queue, -left) end
end
return claimed
