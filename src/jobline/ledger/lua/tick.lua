-- tick: the maintenance of the ledger, one duty a file in maintenance/. Any worker runs it each second; all of them may.
-- ARGV 1 owner, 2 its description (JSON), or '' for no heartbeat, 3 lease_ms, 4… retention
-- reply {{ids that the owner should cancel}, '1' where there is more to do at once, else '', {unserved tasks}}
-- event job.retrying | job.failed | job.revoked
write_when_full()
local us = now_us()
local work = { us = us, ms = math.floor(us / 1000), retention = read_retention(4), more = '' }
if ARGV[2] ~= '' then keep_heartbeat(work, ARGV[1], ARGV[2]) end
enqueue_due(work)
rescue_lost(work, tonumber(ARGV[3]))
revoke_overdue(work)
expire_jobs(work)
expire_files(work)
return { take_cancels(ARGV[1]), work.more, list_unserved() }
