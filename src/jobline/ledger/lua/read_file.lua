-- read_file: the metadata of files, or of one job's artifacts.
-- ARGV 1 tenant, 2 job id or '', 3… file ids (none where a job is named)
-- reply a list of {id, 'found', record, expires_ms or ''} | {id, 'gone'} | {id, 'unknown'}
local tenant, job, ids = ARGV[1], ARGV[2], {}
if job ~= '' then
  ids = redis.call('HVALS', artifacts_key(job))
else
  for index = 3, #ARGV do ids[#ids + 1] = ARGV[index] end
end
local found = {}
for _, id in ipairs(ids) do
  if redis.call('HGET', file_key(id), 'tenant') == tenant then
    found[#found + 1] = { id, 'found', redis.call('HGETALL', file_key(id)), redis.call('ZSCORE', FILES, id) or '' }
  else
    found[#found + 1] = { id, why_missing(id, 'file', tenant) }
  end
end
return found
