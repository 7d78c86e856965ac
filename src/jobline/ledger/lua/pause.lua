-- pause: keeps the waiting jobs of a queue from being claimed, or lets them be again; running ones go on.
-- ARGV 1 queue, 2 what to do: pause | resume
-- reply 'done'
if ARGV[2] == 'pause' then
  redis.call('SADD', PAUSED, ARGV[1])
else
  redis.call('SREM', PAUSED, ARGV[1])
  wake(ARGV[1], WAKE_TOKENS)
end
return 'done'
