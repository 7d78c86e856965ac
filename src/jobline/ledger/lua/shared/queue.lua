-- The waiting order of a queue.
--
-- A job that waits is in exactly one of WAITING, BLOCKED and DUE of its queue. QUEUES counts the jobs in all three: each
-- function that adds a job to a queue, or removes one, updates the count.

-- The score of a job in its waiting order: priority 9 first, then the order of the stamps.
local function rank(priority, stamp) return whole((9 - priority) * 562949953421312 + (stamp - EPOCH_US)) end

-- Leaves tokens for workers that block on the queue's list.
local function wake(queue, tokens)
  local room = WAKE_TOKENS - redis.call('LLEN', wake_key(queue))
  if room <= 0 then return end
  local ones = {}
  for index = 1, math.min(tokens, room) do ones[index] = 1 end
  redis.call('LPUSH', wake_key(queue), unpack(ones))
end

-- Adds a job to the waiting order of its tenant, and the tenant to the rotation of the queue: before all tenants that
-- were served since it left, or where it still is.
local function enqueue(job, stamp, additions)
  if add_sorted(additions, waiting_key(job.queue, job.tenant), rank(job.priority, stamp), job.id) then
    redis.call('ZADD', rotation_key(job.queue), 'NX', 0, job.tenant)
  end
end

-- Adds a job that had left its queue.
local function requeue(job, stamp)
  redis.call('HINCRBY', QUEUES, job.queue, 1)
  enqueue(job, stamp)
  wake(job.queue, 1)
end

local function leave_queue(job)
  redis.call('HINCRBY', QUEUES, job.queue, -1)
  if redis.call('ZREM', waiting_key(job.queue, job.tenant), job.id) == 0
    and redis.call('ZREM', due_key(job.queue), job.id) == 0 then
    redis.call('ZREM', blocked_key(job.task, job.queue, job.tenant), job.id)
  end
  if job.start_by then redis.call('ZREM', START_BY, job.id) end
end

-- Returns the queue of each running job: at most as many as there are slots, however many tenants and jobs there are.
local function running_queues()
  local queues = {}
  for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
    queues[#queues + 1] = string.match(redis.call('HGET', job_key(id), 'partition') or '', '.*:(.*)') or ''
  end
  return queues
end
