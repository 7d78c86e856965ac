-- keep_access: records a new access key.
-- ARGV 1 key id, 2 digest of its secret, 3 tenant, 4 scopes, separated by spaces, 5 name, 6 life_ms or ''
-- reply created_ms
local ms = math.floor(now_us() / 1000)
redis.call('HSET', access_key(ARGV[1]), 'digest', ARGV[2], 'tenant', ARGV[3], 'scopes', ARGV[4], 'name', ARGV[5],
  'created', whole(ms))
if ARGV[6] ~= '' then redis.call('HSET', access_key(ARGV[1]), 'expires', whole(ms + tonumber(ARGV[6]))) end
redis.call('SADD', ACCESS_KEYS, ARGV[1])
return whole(ms)
