-- cancel: ends a waiting job at once, and asks for the end of a running one.
-- ARGV 1 id, 2 tenant, 3… retention
-- reply {'revoked' | 'requested' | 'repeated' | 'finished', record} | {'unknown'} | {'gone'}
-- event job.revoked; the worker of a running job hears of it on its channel, and once more from its next tick
write_when_full()
local id, tenant = ARGV[1], ARGV[2]
local job = load_job(id)
if not job or job.tenant ~= tenant then return { why_missing(id, 'job', tenant) } end
local word = cancel_job(job, math.floor(now_us() / 1000), read_retention(3))
return { word, redis.call('HGETALL', job_key(id)) }
