-- read_batch: one batch.
-- ARGV 1 id, 2 tenant
-- reply {'found', record} | {'unknown'} | {'gone'}
if redis.call('HGET', batch_key(ARGV[1]), 'tenant') ~= ARGV[2] then
  return { redis.call('GET', gone_key(ARGV[1])) == ARGV[2] and 'gone' or 'unknown' }
end
return { 'found', redis.call('HGETALL', batch_key(ARGV[1])) }
