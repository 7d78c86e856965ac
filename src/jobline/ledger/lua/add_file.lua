-- add_file: records an uploaded file, whose bytes are stored already.
-- ARGV 1 file id, 2 tenant, 3 name, 4 media type, 5 size_bytes, 6 sha256, 7… retention
-- reply created_ms | 'late' (its reservation has ended, and its bytes are deleted)
local id, tenant, name, media_type, size_bytes, sha256 = unpack(ARGV, 1, 6)
local ms = math.floor(now_us() / 1000)
if not redis.call('ZSCORE', FILES, id) then return 'late' end
redis.call('HSET', file_key(id), 'tenant', tenant, 'name', name, 'media_type', media_type,
  'size_bytes', size_bytes, 'sha256', sha256, 'created', whole(ms))
redis.call('ZADD', FILES, whole(ms + read_retention(7).file_ms), id)
return whole(ms)
