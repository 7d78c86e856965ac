-- read_file: the metadata of files, or of one job's artifacts.
-- ARGV 1 tenant, 2 job id or '', 3… file ids (none where a job is named)
-- reply a list of {id, record, expires_ms or ''} | {id, 'gone'} | {id, 'unknown'}
local tenant, ids = ARGV[1], {}
if ARGV[2] ~= '' then
  local named = redis.call('HGETALL', artifacts_key(ARGV[2]))
  for index = 2, #named, 2 do ids[#ids + 1] = named[index] end
else
  for index = 3, #ARGV do ids[#ids + 1] = ARGV[index] end
end
local found = {}
for _, id in ipairs(ids) do
  local record = redis.call('HGETALL', file_key(id))
  local mine = redis.call('HGET', file_key(id), 'tenant') == tenant
  if mine then
    found[#found + 1] = { id, record, redis.call('ZSCORE', FILES, id) or '' }
  else
    found[#found + 1] = { id, redis.call('GET', gone_key(id)) == tenant and 'gone' or 'unknown' }
  end
end
return found
