-- The legal moves of a job: from one state to another, to its end, out of the ledger.

-- Moves a job to another state, and sets the given fields with it.
local function move(job, state, ...)
  take_off_shelf(job)
  put_on_shelf(job, state)
  redis.call('HSET', job_key(job.id), 'state', state, ...)
  if job.batch then
    redis.call('HINCRBY', batch_key(job.batch), job.state, -1)
    redis.call('HINCRBY', batch_key(job.batch), state, 1)
  end
  if job.held and state ~= 'STARTED' then let_go(job) end
  job.state = state
end

local FINAL_EVENT = { SUCCESS = 'job.succeeded', FAILURE = 'job.failed', REVOKED = 'job.revoked' }

-- Reads from ARGV[first] on how long things are kept after their end, as domain/retention.py has it.
local function read_retention(first)
  return { result_ms = tonumber(ARGV[first]), file_ms = tonumber(ARGV[first + 1]), tombstone_ms = tonumber(ARGV[first + 2]) }
end

-- Leaves a note for a while that an id has expired, for the tenant that knew it.
local function leave_tombstone(id, tenant, retention)
  if retention.tombstone_ms > 0 then redis.call('SET', gone_key(id), tenant, 'PX', whole(retention.tombstone_ms)) end
end

-- Makes a job final: `field` is result or error, `text` its JSON. The event carries the error; results may be large.
local function finish(job, state, field, text, ms, retention)
  local error = field == 'error' and text
  local ended = announce(job, FINAL_EVENT[state], ended_detail(job.attempt, error), not error and text)
  move(job, state, 'finished', whole(ms), 'ended', ended, field, text)
  redis.call('HDEL', job_key(job.id), 'owner', 'watchers', field == 'result' and 'error' or 'result')
  redis.call('ZADD', FINISHED, whole(ms + retention.result_ms), job.id)
  local ended = ended_key(whole(math.floor(ms / 60000)))
  if redis.call('HINCRBY', ended, job.queue, 1) == 1 then redis.call('PEXPIRE', ended, RATES_KEPT_MS) end
  if job.files then
    for file in string.gmatch(job.files, '%S+') do
      if redis.call('EXISTS', file_key(file)) == 1 and redis.call('HINCRBY', file_key(file), 'refs', -1) <= 0
        and not redis.call('HGET', file_key(file), 'job') then
        redis.call('ZADD', FILES, whole(ms + retention.file_ms), file)
      end
    end
  end
end

local function revoke(job, code, message, ms, retention)
  finish(job, 'REVOKED', 'error', '{"code":"' .. code .. '","message":"' .. message
    .. '","retryable":false,"attempt":' .. job.attempt .. '}', ms, retention)
end

local function revoke_cancelled(job, ms, retention)
  revoke(job, 'cancelled', 'The job was cancelled.', ms, retention)
end

-- Ends an attempt whose worker is gone: the next one waits, or the attempts are used up. The fence moves on, so that
-- the attempt, should it live after all, learns by its renewal that it was given up.
local function lose_attempt(job, ms, retention)
  redis.call('ZREM', LEASES, job.id)
  job.fence = job.fence + 1
  redis.call('HSET', job_key(job.id), 'fence', job.fence)
  if job.cancel then return revoke_cancelled(job, ms, retention) end
  local detail = '{"code":"worker-lost","message":"The worker died or lost its lease while it ran attempt '
    .. job.attempt .. '.","retryable":true,"attempt":' .. job.attempt .. '}'
  if job.attempt >= job.max_attempts then
    return finish(job, 'FAILURE', 'error', detail, ms, retention)
  end
  move(job, 'RETRY', 'error', detail)
  redis.call('HDEL', job_key(job.id), 'owner')
  requeue(job, job.stamp)
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"error":' .. detail .. '}')
end

-- Hands an attempt back, to the front of its queue; it does not count. Somebody cancelled it: the job ends.
local function give_back(job, ms, retention)
  redis.call('ZREM', LEASES, job.id)
  redis.call('HINCRBY', job_key(job.id), 'fence', 1)
  if job.cancel then return revoke_cancelled(job, ms, retention) end
  job.attempt = job.attempt - 1
  move(job, job.attempt == 0 and 'PENDING' or 'RETRY', 'attempt', job.attempt)
  redis.call('HDEL', job_key(job.id), 'owner', 'started', 'progress')
  if job.start_by and job.attempt == 0 then redis.call('ZADD', START_BY, job.start_by, job.id) end
  requeue(job, job.stamp)
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"released":true}')
end

-- Ends a waiting job at once, asks for the end of a running one; says what it did.
local function cancel_job(job, ms, retention)
  if FINAL_EVENT[job.state] then return job.state == 'REVOKED' and 'again' or 'finished' end
  redis.call('HSET', job_key(job.id), 'cancel', '1')
  if job.state == 'STARTED' then
    local worker = string.match(job.owner, '^[^/]*')
    redis.call('SADD', cancels_key(worker), job.id)
    redis.call('PEXPIRE', cancels_key(worker), SLACK_MS)
    redis.call('PUBLISH', tell_key(worker), job.id)
    return job.cancel and 'again' or 'asked'
  end
  leave_queue(job)
  revoke_cancelled(job, ms, retention)
  return 'revoked'
end

local function add_watcher(job, process)
  if job.watchers and string.find(' ' .. job.watchers .. ' ', ' ' .. process .. ' ', 1, true) then return end
  redis.call('HSET', job_key(job.id), 'watchers', job.watchers and job.watchers .. ' ' .. process or process)
end

local function drop_file_record(file)
  redis.call('DEL', file_key(file))
  redis.call('ZREM', FILES, file)
  redis.call('SADD', TRASH, file)
end

-- A batch goes with its last job.
local function leave_batch(job, retention)
  if redis.call('HINCRBY', batch_key(job.batch), 'kept', -1) > 0 then return end
  local idem = redis.call('HGET', batch_key(job.batch), 'idem')
  if idem then redis.call('DEL', idempotency_key(idem)) end
  redis.call('DEL', batch_key(job.batch))
  leave_tombstone(job.batch, job.tenant, retention)
end

-- Removes every trace of a final job but a tombstone. An artifact that an unfinished job names becomes a plain file.
-- With `lines` it is one of many, and what leaves sorted sets waits for clear_lines.
local function forget(job, retention, lines)
  take_off_shelf(job, lines)
  if job.batch then leave_batch(job, retention) end
  for _, file in ipairs(redis.call('HVALS', artifacts_key(job.id))) do
    if tonumber(redis.call('HGET', file_key(file), 'refs') or 0) > 0 then
      redis.call('HDEL', file_key(file), 'job')
    else
      drop_file_record(file)
    end
  end
  step_out(lines, FINISHED, job.id)
  redis.call('DEL', job_key(job.id), events_key(job.id), artifacts_key(job.id))
  if job.idem then redis.call('DEL', idempotency_key(job.idem)) end
  leave_tombstone(job.id, job.tenant, retention)
end
