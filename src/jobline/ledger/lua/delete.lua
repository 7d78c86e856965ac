-- delete: forgets a final job and its artifacts before its time.
-- ARGV 1 id, 2 tenant, 3… retention
-- reply {'deleted'} | {'unfit', state} | {'unknown'} | {'gone'}
local job = load_job(ARGV[1])
if not job or job.tenant ~= ARGV[2] then
  return { redis.call('GET', gone_key(ARGV[1])) == ARGV[2] and 'gone' or 'unknown' }
end
if not FINAL_EVENT[job.state] then return { 'unfit', job.state } end
forget(job, read_retention(3))
return { 'deleted' }
