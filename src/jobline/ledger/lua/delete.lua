-- delete: removes a final job and its artifacts before their TTL is over.
-- ARGV 1 id, 2 tenant, 3… retention
-- reply {'deleted'} | {'refused', state} | {'unknown'} | {'gone'}
local id, tenant = ARGV[1], ARGV[2]
local job = load_job(id)
if not job or job.tenant ~= tenant then return { why_missing(id, 'job', tenant) } end
if not FINAL_EVENT[job.state] then return { 'refused', job.state } end
forget(job, read_retention(3))
return { 'deleted' }
