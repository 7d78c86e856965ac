-- How long things are kept after their end, and how a job leaves the ledger.
--
-- No key of a job has a TTL: FINISHED has the time at which each job expires, and the tick removes all its keys at once.

-- Reads the three arguments of domain/retention.py, from ARGV[first] on.
local function read_retention(first)
  return { result_ms = tonumber(ARGV[first]), file_ms = tonumber(ARGV[first + 1]), tombstone_ms = tonumber(ARGV[first + 2]) }
end

-- Notes for a while that an id has expired, for the tenant that knew it, and of which kind it was: job, batch or file.
local function leave_tombstone(id, kind, tenant, retention)
  if retention.tombstone_ms <= 0 then return end
  redis.call('SET', gone_key(id), kind .. ' ' .. tenant, 'PX', whole(retention.tombstone_ms))
end

-- A batch expires with its last job.
local function leave_batch(job, retention)
  if redis.call('HINCRBY', batch_key(job.batch), 'kept', -1) > 0 then return end
  local idem = redis.call('HGET', batch_key(job.batch), 'idem')
  if idem then redis.call('DEL', idempotency_key(idem)) end
  redis.call('DEL', batch_key(job.batch))
  leave_tombstone(job.batch, 'batch', job.tenant, retention)
end

-- Removes a final job, and all that belongs to it; a tombstone stays. An artifact that an unfinished job names becomes a
-- plain file. `removals` collects for many jobs, see index.lua.
local function forget(job, retention, removals)
  remove_from_indexes(job, removals)
  if job.batch then leave_batch(job, retention) end
  for _, file in ipairs(redis.call('HVALS', artifacts_key(job.id))) do
    if tonumber(redis.call('HGET', file_key(file), 'refs') or 0) > 0 then
      redis.call('HDEL', file_key(file), 'job')
    else
      delete_file(file)
    end
  end
  remove_sorted(removals, FINISHED, job.id)
  redis.call('DEL', job_key(job.id), events_key(job.id), artifacts_key(job.id))
  if job.idem then redis.call('DEL', idempotency_key(job.idem)) end
  leave_tombstone(job.id, 'job', job.tenant, retention)
end
