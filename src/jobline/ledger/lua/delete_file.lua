-- delete_file: removes an uploaded file; a worker deletes its bytes.
-- ARGV 1 tenant, 2 file id, 3… retention
-- reply 'deleted' | 'in-use' (an unfinished job names it, or it is a job's artifact) | 'gone' | 'unknown'
local tenant, id = ARGV[1], ARGV[2]
local owner, refs, job = unpack(redis.call('HMGET', file_key(id), 'tenant', 'refs', 'job'))
if owner ~= tenant then return why_missing(id, 'file', tenant) end
if job or tonumber(refs or 0) > 0 then return 'in-use' end
delete_file(id)
leave_tombstone(id, 'file', tenant, read_retention(3))
return 'deleted'
