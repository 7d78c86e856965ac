-- retry: creates a new job from one that failed or was revoked.
-- ARGV 1 id, 2 tenant, 3 id of the new job, 4 queue limit
-- reply {'created', id, record} | {'refused', state} | {'full', queue} | {'no-file', id} | {'gone-file', id}
--       | {'unknown'} | {'gone'}
-- event job.created
local id, tenant, new_id = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', job_key(new_id)) == 1 then return { 'created', new_id, redis.call('HGETALL', job_key(new_id)) } end
local job = load_job(id)
if not job or job.tenant ~= tenant then return { why_missing(id, 'job', tenant) } end
if job.state ~= 'FAILURE' and job.state ~= 'REVOKED' then return { 'refused', job.state } end
return retry_job(job, new_id, tonumber(ARGV[4]))
