-- version: which layout of keys and records the ledger has. A ledger without jobs takes the caller's.
-- ARGV 1 the number of the caller's layout
-- reply the number of the ledger's layout; '0' where it has none, and jobs
--
-- Run on each new connection, so it must answer while Redis is full: then the number is not written.
local found = redis.call('GET', VERSION)
if found then return found end
if redis.call('EXISTS', CLOCK) == 1 then return '0' end
redis.pcall('SET', VERSION, ARGV[1])
return ARGV[1]
