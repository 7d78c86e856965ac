-- list_access: every access key, expired ones too.
-- ARGV none
-- reply a list of {key id, record}
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', ACCESS_KEYS)) do
  found[#found + 1] = { id, redis.call('HGETALL', access_key(id)) }
end
return found
