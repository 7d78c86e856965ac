-- settle: ends the current attempt; whoever does not hold its fence changes nothing.
-- ARGV 1 id, 2 fence, 3 SUCCESS | FAILURE | RETRY | REVOKED, 4 result or error (JSON), 5 delay_ms (RETRY),
--      6… retention, then for each artifact (SUCCESS): file id, name, media type, size_bytes, sha256
-- reply {'settled', state} | {'late', state}  (a cancelled job does not retry: REVOKED)
-- event job.succeeded | job.failed | job.retrying | job.revoked
local job = load_job(ARGV[1])
if not job then return { 'late', 'PENDING' } end
if job.state ~= 'STARTED' or whole(job.fence) ~= ARGV[2] then return { 'late', job.state } end
local state, retention = ARGV[3], read_retention(6)
local ms = math.floor(now_us() / 1000)
redis.call('ZREM', LEASES, job.id)

if state == 'RETRY' and job.cancel then state = 'REVOKED' end
if state == 'RETRY' and job.attempt >= job.max_attempts then state = 'FAILURE' end
if state == 'REVOKED' then
  revoke_cancelled(job, ms, retention)
elseif state == 'RETRY' then
  local due = ms + tonumber(ARGV[5])
  move(job, 'RETRY', 'error', ARGV[4], 'run_at', whole(due))
  redis.call('HDEL', job_key(job.id), 'owner')
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"run_at_ms":' .. whole(due) .. ',"error":' .. ARGV[4] .. '}')
  if due > ms then
    redis.call('HINCRBY', QUEUES, job.queue, 1)
    redis.call('ZADD', due_key(job.queue), whole(due), job.id)
  else
    requeue(job, next_stamp(now_us()))
  end
else
  for index = 9, #ARGV, 5 do
    local file = ARGV[index]
    redis.call('HSET', file_key(file), 'tenant', job.tenant, 'job', job.id, 'name', ARGV[index + 1],
      'media_type', ARGV[index + 2], 'size_bytes', ARGV[index + 3], 'sha256', ARGV[index + 4], 'created', whole(ms))
    redis.call('HSET', artifacts_key(job.id), ARGV[index + 1], file)
  end
  finish(job, state, state == 'SUCCESS' and 'result' or 'error', ARGV[4], ms, retention)
end
return { 'settled', state }
