-- reserve_file: expects the bytes of an upload, which get their name next. Unless add_file follows within RESERVED_MS, as
-- when the process dies, the file expires like any other, and a worker deletes its bytes.
-- ARGV 1 file id
-- reply 'reserved'
redis.call('ZADD', FILES, whole(math.floor(now_us() / 1000) + RESERVED_MS), ARGV[1])
return 'reserved'
