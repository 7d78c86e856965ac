-- lose: a worker reports that the process which ran an attempt died.
-- ARGV 1 id, 2 fence, 3… retention
-- reply {'lost', state} | {'late', state}
-- event job.retrying | job.failed | job.revoked
local job = load_job(ARGV[1])
if not job then return { 'late', 'PENDING' } end
if job.state ~= 'STARTED' or whole(job.fence) ~= ARGV[2] then return { 'late', job.state } end
lose_attempt(job, math.floor(now_us() / 1000), read_retention(3))
return { 'lost', job.state }
