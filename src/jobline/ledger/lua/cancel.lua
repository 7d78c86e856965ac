-- cancel: a waiting job is revoked at once; a running one is asked to stop.
-- ARGV 1 id, 2 tenant, 3… retention
-- reply {'revoked' | 'asked' | 'again' | 'finished', record} | {'unknown'} | {'gone'}
-- event job.revoked; the worker that runs the job is told on its channel, and again by its next tick
past_full()
local job = load_job(ARGV[1])
if not job or job.tenant ~= ARGV[2] then
  return { redis.call('GET', gone_key(ARGV[1])) == ARGV[2] and 'gone' or 'unknown' }
end
local word = cancel_job(job, math.floor(now_us() / 1000), read_retention(3))
return { word, redis.call('HGETALL', job_key(job.id)) }
