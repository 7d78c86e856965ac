-- claim: starts the next waiting jobs of the given queues, as many as there are free slots.
-- ARGV 1 owner (the worker, a slash, the number of this claim), 2 lease_ms, 3 slots, 4… retention,
--      7 limit on a tenant's running jobs (0: none), 8 limits on tasks' running jobs, as 'task=4 task=1', or '',
--      9 tasks whose blocked jobs wait once more, separated by spaces, 10… queues, in the order in which they are served
-- reply a list of {id, partition, attempt, max_attempts, fence, timeout_ms, input}, at most `slots` long
-- event job.started; job.revoked for a job that had to start earlier
--
-- Fairness: the tenants of a queue are served in rotation, the one that was served longest ago first (ROTATION); within a
-- tenant the rank decides. A tenant stays in the rotation until nothing of it waits, or it could return before all
-- others. The times of a lone tenant are not even written.
--
-- A worker that does not know a task claims with a limit of 0 for it, so its jobs are blocked, whatever their number, and
-- it never claims one. No job that ends passes a permit on to them. So the task is in UNSERVED, each tick tells its worker
-- of it, and a worker that knows the task unblocks as many as it has slots, in the script that then claims them.
local QUEUES_FROM = 10
local owner, lease_ms, slots, tenant_limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[7])
local us = now_us()
local ms = math.floor(us / 1000)
local claimed, visited, task_limits = {}, 0, {}

local function read_count(key, field) return tonumber(redis.call('HGET', key, field) or 0) end

-- Gives the job a permit of its task; returns false where the task is at its limit, and the job is blocked.
local function acquire_permit(job, limit, score)
  local task = job.task
  local running = read_count(TASKS_RUNNING, task)
  if job.permits and running > limit then  -- the limit was lowered
    decrement(TASKS_RUNNING, task)
    redis.call('HDEL', job_key(job.id), 'permits')
    job.permits = nil
  end
  if not job.permits then
    local queue_tenant = job.queue .. ':' .. job.tenant
    if running >= limit then
      redis.call('ZADD', blocked_key(task, job.queue, job.tenant), score, job.id)
      redis.call('ZADD', blocked_rotation_key(task), 'NX', 0, queue_tenant)
      if limit == 0 then redis.call('SADD', UNSERVED, task) end
      return false
    end
    redis.call('ZADD', blocked_rotation_key(task), whole(us + visited), queue_tenant)
    running = redis.call('HINCRBY', TASKS_RUNNING, task, 1)
    job.permits = 'task'
    redis.call('HSET', job_key(job.id), 'permits', 'task')
  end
  if running < limit and unblock_next(task) then redis.call('HINCRBY', TASKS_RUNNING, task, 1) end
  return true
end

-- Unblocks jobs of a task that other workers do not know, for all free slots.
local function unblock(task)
  local limit, running = task_limits[task] or math.huge, read_count(TASKS_RUNNING, task)
  for _ = 1, slots do
    if limit <= running then return end
    if not unblock_next(task) then
      redis.call('SREM', UNSERVED, task)
      return
    end
    running = redis.call('HINCRBY', TASKS_RUNNING, task, 1)
  end
end

local function start_attempt(job, timeout_ms, input, started_event)
  if job.start_by then redis.call('ZREM', START_BY, job.id) end
  job.attempt, job.fence = job.attempt + 1, job.fence + 1
  local first_event = not started_event and publish_event(job, 'job.started', STARTED_DETAIL)
  move(job, 'STARTED', 'attempt', job.attempt, 'fence', job.fence, 'owner', owner, 'started', whole(ms),
    unpack(first_event and { 'started_event', first_event } or {}))
  if tenant_limit > 0 then
    redis.call('HINCRBY', TENANTS_RUNNING, job.tenant, 1)
    redis.call('HSET', job_key(job.id), 'permits', job.permits and job.permits .. ' tenant' or 'tenant')
  end
  redis.call('ZADD', LEASES, whole(ms + lease_ms), job.id)
  if not first_event then emit(job, 'job.started', '{"attempt":' .. job.attempt .. '}') end
  claimed[#claimed + 1] = { job.id, job.partition, job.attempt, job.max_attempts, job.fence, timeout_ms, input }
end

-- Starts a job that was next; returns whether it left the queue: started, ended, or gone already, but not blocked.
local function take(id, score)
  local job, timeout_ms, input, started_event = load_job(id, 'timeout_ms', 'input', 'started_event')
  if not job or job.state ~= 'PENDING' and job.state ~= 'RETRY' then return true end
  if job.start_by and job.attempt == 0 and tonumber(job.start_by) <= ms then
    redis.call('ZREM', START_BY, job.id)
    revoke_expired(job, ms, read_retention(4))
    return true
  end
  local limit = task_limits[job.task]
  if limit and not acquire_permit(job, limit, score) then return false end
  start_attempt(job, timeout_ms, input, started_event)
  return true
end

-- Serves one tenant; returns how many of its jobs left the queue and whether more may wait, nil where none waited.
local function serve(queue, tenant, share)
  visited = visited + 1
  if tenant_limit > 0 then
    share = math.min(share, tenant_limit - read_count(TENANTS_RUNNING, tenant))
    if share <= 0 then
      redis.call('ZREM', rotation_key(queue), tenant)
      redis.call('SADD', at_limit_key(tenant), queue)
      return nil
    end
  end
  local ids_scores = redis.call('ZPOPMIN', waiting_key(queue, tenant), share)
  if #ids_scores == 0 then
    redis.call('ZREM', rotation_key(queue), tenant)
    return nil
  end
  local left = 0
  for index = 1, #ids_scores, 2 do
    visited = visited + 1
    if take(ids_scores[index], ids_scores[index + 1]) then left = left + 1 end
  end
  return left, #ids_scores == 2 * share
end

-- Serves the tenants of a queue in rounds; returns how many jobs left it.
local function serve_queue(queue)
  local left, more = 0, true
  while more and #claimed < slots and visited < slots + CLAIM_SKIPS do
    local free = slots - #claimed
    local rotation = redis.call('ZRANGE', rotation_key(queue), 0, free, 'WITHSCORES')
    local tenants = #rotation / 2
    local share, served = math.max(1, math.floor(free / tenants)), {}
    more = tenants > free
    for index = 1, math.min(#rotation, 2 * free), 2 do
      local tenant = rotation[index]
      local taken, may_have_more = serve(queue, tenant, share)
      if taken then
        left, more = left + taken, more or may_have_more
        if tenants > 1 or rotation[2] == '0' then served[#served + 1], served[#served + 2] = whole(us + visited), tenant end
      end
    end
    if #served > 0 then redis.call('ZADD', rotation_key(queue), unpack(served)) end
  end
  if visited >= slots + CLAIM_SKIPS then wake(queue, 1) end  -- more may be behind what was left
  return left
end

for task, limit in string.gmatch(ARGV[8], '(%S+)=(%d+)') do task_limits[task] = tonumber(limit) end
for task in string.gmatch(ARGV[9], '%S+') do unblock(task) end
local paused = redis.call('SMISMEMBER', PAUSED, unpack(ARGV, QUEUES_FROM))
for index = QUEUES_FROM, #ARGV do
  local queue = ARGV[index]
  local left = paused[index - QUEUES_FROM + 1] == 0 and serve_queue(queue) or 0
  if left > 0 then redis.call('HINCRBY', QUEUES, queue, -left) end
end
return claimed
