-- release_claim: releases all that one claim started, because the worker never got its answer; the attempts do not count.
-- ARGV 1 owner, as the claim named it, 2 end of a lease (ms) to go on after or '', 3… retention
-- reply {end of a lease to go on after or '', {ids that were released or revoked}}
-- event job.retrying | job.revoked
--
-- None of these attempts can have begun: a worker starts what it reads in the reply, and it will never read this one. The
-- claim's number in the owner proves it, without a list of what the worker runs: such a list would have to be right about
-- jobs that end or are reported meanwhile. The fence moves on all the same.
-- A call looks at TICK_BATCH leases, and at all that end in the same millisecond as the last of them, which are those of
-- one claim or a few. Nobody renews the leases that it looks for, so the walk meets each of them.
local ms, retention = math.floor(now_us() / 1000), read_retention(3)
local after = ARGV[2] == '' and '-inf' or '(' .. ARGV[2]
local last = redis.call('ZRANGEBYSCORE', LEASES, after, '+inf', 'WITHSCORES', 'LIMIT', TICK_BATCH - 1, 1)[2]
local released = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', LEASES, after, last or '+inf')) do
  if redis.call('HGET', job_key(id), 'owner') == ARGV[1] then
    release_attempt(load_job(id), ms, retention)
    released[#released + 1] = id
  end
end
return { last or '', released }
