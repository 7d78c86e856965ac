-- renew: extends the leases of the attempts that one worker runs.
-- ARGV 1 lease_ms, then pairs id, fence
-- reply {{ids whose attempt lost its job}, {ids of jobs that should stop}, number of current attempts}
-- An attempt that ended by its own settle is in neither list.
write_when_full()
local deadline = whole(math.floor(now_us() / 1000) + tonumber(ARGV[1]))
local lost, cancelled, current = {}, {}, 0
for index = 2, #ARGV, 2 do
  local id = ARGV[index]
  local state, fence, cancel = unpack(redis.call('HMGET', job_key(id), 'state', 'fence', 'cancel'))
  if fence ~= ARGV[index + 1] then
    lost[#lost + 1] = id
  elseif state == 'STARTED' then
    current = current + 1
    redis.call('ZADD', LEASES, deadline, id)
    if cancel then cancelled[#cancelled + 1] = id end
  end
end
return { lost, cancelled, current }
