-- read_access: what one access key allows; notes, to the minute, that its owner used it.
-- ARGV 1 key id, 2 digest of the secret that the caller showed
-- reply {'found', stored digest, tenant, scopes, ttl_ms or ''} | {'unknown'}, also for a key that has expired
-- The caller compares the digests in constant time, which Lua does not promise.
write_when_full()
local key = access_key(ARGV[1])
local digest, tenant, scopes, expires, used = unpack(
  redis.call('HMGET', key, 'digest', 'tenant', 'scopes', 'expires', 'used'))
if not digest then return { 'unknown' } end
local ms = math.floor(now_us() / 1000)
local ttl = expires and tonumber(expires) - ms
if ttl and ttl <= 0 then return { 'unknown' } end
if digest == ARGV[2] and ms - tonumber(used or 0) > USED_EVERY_MS then redis.call('HSET', key, 'used', whole(ms)) end
return { 'found', digest, tenant, scopes, ttl and whole(ttl) or '' }
