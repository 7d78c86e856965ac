-- Duty: keep the list of workers, by their heartbeats.

local function keep_heartbeat(work, owner, description)
  redis.call('HSET', worker_key(owner), 'description', description, 'heartbeat', whole(work.ms))
  redis.call('PEXPIRE', worker_key(owner), WORKER_TTL_MS)
  redis.call('ZADD', WORKERS, whole(work.ms), owner)
  redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', whole(work.ms - WORKER_TTL_MS))
end

-- Returns the jobs that a worker should cancel, and forgets them.
local function take_cancels(owner)
  local ids = redis.call('SMEMBERS', cancels_key(owner))
  if #ids > 0 then redis.call('DEL', cancels_key(owner)) end
  return ids
end
