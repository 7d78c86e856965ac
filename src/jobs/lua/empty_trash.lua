-- empty_trash: the bytes of these files are deleted.
-- ARGV 1… file ids
-- reply how many were in the trash
return redis.call('SREM', TRASH, unpack(ARGV))
