-- add_access: records a new access key.
-- ARGV 1 key id, 2 digest of its secret, 3 tenant, 4 scopes, separated by spaces, 5 name, 6 ttl_ms or ''
-- reply created_ms
local id, digest, tenant, scopes, name, ttl_ms = unpack(ARGV, 1, 6)
local ms = math.floor(now_us() / 1000)
redis.call('HSET', access_key(id), 'digest', digest, 'tenant', tenant, 'scopes', scopes, 'name', name, 'created', whole(ms))
if ttl_ms ~= '' then redis.call('HSET', access_key(id), 'expires', whole(ms + tonumber(ttl_ms))) end
redis.call('SADD', ACCESS_KEYS, id)
return whole(ms)
