-- count_requests: adds one process's requests of a caller to the caller's window, which opens with its first request.
-- ARGV 1 caller, 2 number of requests, 3 window_ms
-- reply {requests in this window, of all processes, ms until it ends}
write_when_full()
local key = rate_key(ARGV[1])
local count = redis.call('INCRBY', key, ARGV[2])
local left_ms = redis.call('PTTL', key)
if left_ms < 0 then
  redis.call('PEXPIRE', key, ARGV[3])
  left_ms = tonumber(ARGV[3])
end
return { count, left_ms }
