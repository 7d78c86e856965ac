-- trash: the files whose bytes should be deleted, without those that the caller has deleted.
-- ARGV 1… ids of files whose bytes are deleted (none on the first call)
-- reply the next ids, at most TICK_BATCH
if #ARGV > 0 then redis.call('SREM', TRASH, unpack(ARGV)) end
return redis.call('SRANDMEMBER', TRASH, TICK_BATCH)
