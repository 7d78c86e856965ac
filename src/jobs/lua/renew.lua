-- renew: extends the leases of the attempts that one worker runs.
-- ARGV 1 lease_ms, then pairs id, fence
-- reply {{ids whose attempt is no longer current}, {ids that somebody asked to cancel}}
past_full()
local deadline = whole(math.floor(now_us() / 1000) + tonumber(ARGV[1]))
local lost, cancelled = {}, {}
for index = 2, #ARGV, 2 do
  local id = ARGV[index]
  local v = redis.call('HMGET', job_key(id), 'state', 'fence', 'cancel')
  if v[1] == 'STARTED' and v[2] == ARGV[index + 1] then
    redis.call('ZADD', LEASES, deadline, id)
    if v[3] then cancelled[#cancelled + 1] = id end
  else
    lost[#lost + 1] = id
  end
end
return { lost, cancelled }
