-- retry: makes a new job of one that failed or was revoked.
-- ARGV 1 id, 2 tenant, 3 id of the new job, 4 queue limit
-- reply {'created', id, record} | {'unfit', state} | {'full', queue} | {'no-file', id} | {'gone-file', id}
--       | {'unknown'} | {'gone'}
-- event job.created
if redis.call('EXISTS', job_key(ARGV[3])) == 1 then return { 'created', ARGV[3], redis.call('HGETALL', job_key(ARGV[3])) } end
local job = load_job(ARGV[1])
if not job or job.tenant ~= ARGV[2] then
  return { redis.call('GET', gone_key(ARGV[1])) == ARGV[2] and 'gone' or 'unknown' }
end
if job.state ~= 'FAILURE' and job.state ~= 'REVOKED' then return { 'unfit', job.state } end
return repeat_job(job, ARGV[3], tonumber(ARGV[4]))
