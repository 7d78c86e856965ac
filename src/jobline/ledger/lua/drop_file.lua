-- drop_file: forgets an uploaded file; its bytes go to the trash.
-- ARGV 1 tenant, 2 file id, 3… retention
-- reply 'dropped' | 'in-use' (an unfinished job names it, or it is a job's artifact) | 'gone' | 'unknown'
local v = redis.call('HMGET', file_key(ARGV[2]), 'tenant', 'refs', 'job')
if v[1] ~= ARGV[1] then return redis.call('GET', gone_key(ARGV[2])) == ARGV[1] and 'gone' or 'unknown' end
if v[3] or tonumber(v[2] or 0) > 0 then return 'in-use' end
drop_file_record(ARGV[2])
leave_tombstone(ARGV[2], ARGV[1], read_retention(3))
return 'dropped'
