-- version: the version of the ledger's layout. A ledger that never had a job gets the caller's.
-- ARGV 1 the version of the caller's layout
-- reply the version of the ledger's layout; '0' if it has none although it had jobs
--
-- Every new connection runs this, so it must answer even when Redis is full; the version is then not stored.
local found = redis.call('GET', VERSION)
if found then return found end
if redis.call('EXISTS', CLOCK) == 1 then return '0' end
redis.pcall('SET', VERSION, ARGV[1])
return ARGV[1]
