-- read_batch: one batch.
-- ARGV 1 id, 2 tenant
-- reply {'found', record} | {'unknown'} | {'gone'}
local id, tenant = ARGV[1], ARGV[2]
if redis.call('HGET', batch_key(id), 'tenant') ~= tenant then return { why_missing(id, 'batch', tenant) } end
return { 'found', redis.call('HGETALL', batch_key(id)) }
