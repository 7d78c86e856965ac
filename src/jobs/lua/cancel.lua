-- cancel: a waiting job is revoked at once; a running one is asked to stop.
-- ARGV 1 id, 2 tenant, 3 ttl_ms, 4 file_ttl_ms
-- reply {'revoked' | 'asked' | 'again' | 'finished', record} | {'unknown'} | {'gone'}
-- event job.revoked; the worker that runs the job is told on its channel, and again by its next tick
past_full()
local job = load_job(ARGV[1])
if not job or job.tenant ~= ARGV[2] then
  return { redis.call('GET', gone_key(ARGV[1])) == ARGV[2] and 'gone' or 'unknown' }
end
local word
if job.state == 'STARTED' then
  word = job.cancel and 'again' or 'asked'
  redis.call('HSET', job_key(job.id), 'cancel', '1')
  redis.call('SADD', cancels_key(job.owner), job.id)
  redis.call('PEXPIRE', cancels_key(job.owner), SLACK_MS)
  redis.call('PUBLISH', tell_key(job.owner), job.id)
elseif job.state == 'PENDING' or job.state == 'RETRY' then
  word = 'revoked'
  leave_queue(job)
  redis.call('HSET', job_key(job.id), 'cancel', '1')
  revoke_cancelled(job, math.floor(now_us() / 1000), tonumber(ARGV[3]), tonumber(ARGV[4]))
else
  word = job.state == 'REVOKED' and 'again' or 'finished'
end
return { word, redis.call('HGETALL', job_key(job.id)) }
