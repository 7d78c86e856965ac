-- settle: ends the current attempt. An attempt with an old fence changes nothing.
-- ARGV 1 id, 2 fence, 3 SUCCESS | FAILURE | RETRY | REVOKED, 4 result or error (JSON), 5 delay_ms (RETRY),
--      6… retention, then for each artifact (SUCCESS): file id, name, media type, size_bytes, sha256
-- reply {'settled', state} | {'late', state}
--       A cancelled job that asks for RETRY ends as REVOKED, one without attempts left as FAILURE.
-- event job.succeeded | job.failed | job.retrying | job.revoked
local ARTIFACTS, ARTIFACT_WORDS = 9, 5
local job, late_state = load_current(ARGV[1], ARGV[2])
if not job then return { 'late', late_state } end
local state, content, retention = ARGV[3], ARGV[4], read_retention(6)
local ms = math.floor(now_us() / 1000)
redis.call('ZREM', LEASES, job.id)

if state == 'RETRY' and job.cancel then state = 'REVOKED' end
if state == 'RETRY' and job.attempt >= job.max_attempts then state = 'FAILURE' end
if state == 'REVOKED' then
  revoke_cancelled(job, ms, retention)
elseif state == 'FAILURE' then
  finish(job, state, { error = content }, ms, retention)
elseif state == 'SUCCESS' then
  for first = ARTIFACTS, #ARGV, ARTIFACT_WORDS do
    local file, name, media_type, size_bytes, sha256 = unpack(ARGV, first, first + ARTIFACT_WORDS - 1)
    redis.call('HSET', file_key(file), 'tenant', job.tenant, 'job', job.id, 'name', name,
      'media_type', media_type, 'size_bytes', size_bytes, 'sha256', sha256, 'created', whole(ms))
    redis.call('HSET', artifacts_key(job.id), name, file)
  end
  finish(job, state, { result = content }, ms, retention)
else
  local due = ms + tonumber(ARGV[5])
  move(job, 'RETRY', 'error', content, 'run_at', whole(due))
  redis.call('HDEL', job_key(job.id), 'owner')
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"run_at_ms":' .. whole(due) .. ',"error":' .. content .. '}')
  if due > ms then
    redis.call('HINCRBY', QUEUES, job.queue, 1)
    redis.call('ZADD', due_key(job.queue), whole(due), job.id)
  else
    requeue(job, next_stamp(now_us()))
  end
end
return { 'settled', state }
