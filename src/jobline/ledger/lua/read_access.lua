-- read_access: what one access key allows; notes, to the minute, that its owner used it.
-- ARGV 1 key id, 2 digest of the secret that the caller showed
-- reply {digest that was kept, tenant, scopes, left_ms or ''} | {} where the key is unknown or has expired
-- The caller compares the digests: in constant time, which Lua does not promise.
past_full()
local key = access_key(ARGV[1])
local v = redis.call('HMGET', key, 'digest', 'tenant', 'scopes', 'expires', 'used')
if not v[1] then return {} end
local ms = math.floor(now_us() / 1000)
local left = v[4] and tonumber(v[4]) - ms
if left and left <= 0 then return {} end
if v[1] == ARGV[2] and ms - tonumber(v[5] or 0) > USED_EVERY_MS then redis.call('HSET', key, 'used', whole(ms)) end
return { v[1], v[2], v[3], left and whole(left) or '' }
