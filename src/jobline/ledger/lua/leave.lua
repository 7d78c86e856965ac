-- leave: removes a worker that ends from the list of workers.
-- ARGV 1 owner
-- reply 'left'
local owner = ARGV[1]
redis.call('ZREM', WORKERS, owner)
redis.call('DEL', worker_key(owner), cancels_key(owner))
return 'left'
