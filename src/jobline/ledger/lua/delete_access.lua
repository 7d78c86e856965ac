-- delete_access: revokes an access key.
-- ARGV 1 key id
-- reply 'deleted' | 'unknown'
write_when_full()
redis.call('SREM', ACCESS_KEYS, ARGV[1])
return redis.call('DEL', access_key(ARGV[1])) == 1 and 'deleted' or 'unknown'
