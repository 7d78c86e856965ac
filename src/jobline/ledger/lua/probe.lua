-- probe: whether Redis takes writes.
-- ARGV none
-- reply '' | the error with which it refuses them: it is full, a read-only replica, or cannot write to its disk
local answer = redis.pcall('SET', PROBE, '', 'PX', 1)
return answer.err or ''
