-- leave: a worker that ends takes its heartbeat with it.
-- ARGV 1 owner
-- reply 'left'
redis.call('ZREM', WORKERS, ARGV[1])
redis.call('DEL', worker_key(ARGV[1]), cancels_key(ARGV[1]))
return 'left'
