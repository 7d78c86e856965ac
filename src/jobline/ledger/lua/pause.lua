-- pause: stops the claims of a queue's waiting jobs, or allows them once more; running jobs go on.
-- ARGV 1 queue, 2 what to do: pause | resume
-- reply 'done'
local queue = ARGV[1]
if ARGV[2] == 'pause' then
  redis.call('SADD', PAUSED, queue)
else
  redis.call('SREM', PAUSED, queue)
  wake(queue, WAKE_TOKENS)
end
return 'done'
