-- count: adds one process's requests of a caller to the caller's window, which opens with its first request.
-- ARGV 1 caller, 2 how many, 3 window_ms
-- reply {requests in this window, of all processes, left_ms}
past_full()
local key = rate_key(ARGV[1])
local count = redis.call('INCRBY', key, ARGV[2])
local left = redis.call('PTTL', key)
if left < 0 then
  redis.call('PEXPIRE', key, ARGV[3])
  left = tonumber(ARGV[3])
end
return { count, left }
