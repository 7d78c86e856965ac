-- queues: the names of the queues that hold waiting or running jobs, or are paused; some of them twice.
-- ARGV none
-- reply a list of names
local names = redis.call('HKEYS', QUEUES)
for _, name in ipairs(redis.call('SMEMBERS', PAUSED)) do names[#names + 1] = name end
for _, tenant in ipairs(redis.call('SMEMBERS', TENANTS)) do
  for _, name in ipairs(redis.call('SMEMBERS', shelves_key(tenant))) do
    local place = string.match(name, '^STARTED:(.*)$')
    if place and redis.call('EXISTS', shelf_key('STARTED', place)) == 1 then
      names[#names + 1] = string.match(place, '[^:]*$')
    end
  end
end
return names
