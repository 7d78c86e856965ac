-- queues: the names of the queues that have waiting or running jobs, or are paused; some of them twice.
-- ARGV none
-- reply a list of names
local names = redis.call('HKEYS', QUEUES)
for _, name in ipairs(redis.call('SMEMBERS', PAUSED)) do names[#names + 1] = name end
for _, name in ipairs(running_queues()) do names[#names + 1] = name end
return names
