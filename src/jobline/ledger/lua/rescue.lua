-- rescue: ends an attempt whose process died, as its worker reports; the job waits for its next attempt, or ends.
-- ARGV 1 id, 2 fence, 3… retention
-- reply {'rescued', state} | {'late', state}
-- event job.retrying | job.failed | job.revoked
local job, state = load_current(ARGV[1], ARGV[2])
if not job then return { 'late', state } end
rescue_attempt(job, math.floor(now_us() / 1000), read_retention(3))
return { 'rescued', job.state }
