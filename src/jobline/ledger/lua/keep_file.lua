-- keep_file: records an uploaded file, whose bytes are stored already.
-- ARGV 1 file id, 2 tenant, 3 name, 4 media type, 5 size_bytes, 6 sha256, 7… retention
-- reply created_ms
local ms = math.floor(now_us() / 1000)
redis.call('HSET', file_key(ARGV[1]), 'tenant', ARGV[2], 'name', ARGV[3], 'media_type', ARGV[4],
  'size_bytes', ARGV[5], 'sha256', ARGV[6], 'created', whole(ms))
redis.call('ZADD', FILES, whole(ms + read_retention(7).file_ms), ARGV[1])
return whole(ms)
