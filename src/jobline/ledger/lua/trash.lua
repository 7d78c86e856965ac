-- trash: files whose bytes should be deleted; those given are deleted already.
-- ARGV 1… file ids whose bytes are gone (none on the first call)
-- reply the next ids, at most TICK_BATCH
if #ARGV > 0 then redis.call('SREM', TRASH, unpack(ARGV)) end
return redis.call('SRANDMEMBER', TRASH, TICK_BATCH)
