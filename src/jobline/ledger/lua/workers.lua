-- workers: the workers with a recent heartbeat.
-- ARGV none
-- reply {now_ms, {{name, heartbeat_ms, description (JSON)}…}}
local found = {}
for _, name in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
  local heartbeat, description = unpack(redis.call('HMGET', worker_key(name), 'heartbeat', 'description'))
  if heartbeat then found[#found + 1] = { name, heartbeat, description } end
end
return { whole(math.floor(now_us() / 1000)), found }
