-- renew: extends the leases of the attempts that one worker runs.
-- ARGV 1 lease_ms, then pairs id, fence
-- reply {{ids whose attempt was given up or forgotten}, {ids that somebody asked to cancel}, how many are current}
-- An attempt that ended by its own settle is in neither list.
past_full()
local deadline = whole(math.floor(now_us() / 1000) + tonumber(ARGV[1]))
local lost, cancelled, current = {}, {}, 0
for index = 2, #ARGV, 2 do
  local id = ARGV[index]
  local v = redis.call('HMGET', job_key(id), 'state', 'fence', 'cancel')
  if v[2] ~= ARGV[index + 1] then
    lost[#lost + 1] = id
  elseif v[1] == 'STARTED' then
    current = current + 1
    redis.call('ZADD', LEASES, deadline, id)
    if v[3] then cancelled[#cancelled + 1] = id end
  end
end
return { lost, cancelled, current }
