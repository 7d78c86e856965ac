-- workers: who is alive.
-- ARGV none
-- reply {now_ms, {name, beat_ms, description (JSON)}…}
local reply = { whole(math.floor(now_us() / 1000)) }
for _, name in ipairs(redis.call('ZRANGE', WORKERS, 0, -1)) do
  local v = redis.call('HMGET', worker_key(name), 'beat', 'about')
  if v[1] then reply[#reply + 1] = { name, v[1], v[2] } end
end
return reply
