-- The legal transitions of a job: to another state, to its end. The verbs decide, these write.
--
-- A verb that must work on a full Redis makes its first write one that frees memory (ZREM, ZPOPMIN), or calls
-- write_when_full.

-- Writes a state, with the given fields; returns the state before.
local function write_state(job, state, ...)
  local previous = job.state
  remove_from_indexes(job)
  add_to_indexes(job, state)
  redis.call('HSET', job_key(job.id), 'state', state, ...)
  job.state = state
  return previous
end

-- Moves a job to a state that is not final, and sets the given fields with it.
local function move(job, state, ...) follow_transition(job, write_state(job, state, ...)) end

-- Moves a job to a final state; `outcome` is { result = JSON } or { error = JSON }. The event carries the error; results
-- may be large.
local function finish(job, state, outcome, ms, retention)
  local detail = ended_detail(job.attempt, outcome.error)
  local event = append_event(job, FINAL_EVENT[state], detail)
  local field, other = 'result', 'error'
  if outcome.error then field, other = 'error', 'result' end
  local previous = write_state(job, state, 'finished', whole(ms), 'ended_event', event, field, outcome[field])
  redis.call('HDEL', job_key(job.id), 'owner', 'subscribers', other)
  follow_end(job, previous, event, detail, outcome.result, ms, retention)
end

local function revoke(job, code, message, ms, retention)
  local error = '{"code":"' .. code .. '","message":"' .. message .. '","retryable":false,"attempt":' .. job.attempt .. '}'
  finish(job, 'REVOKED', { error = error }, ms, retention)
end

local function revoke_cancelled(job, ms, retention) revoke(job, 'cancelled', 'The job was cancelled.', ms, retention) end

local function revoke_expired(job, ms, retention)
  revoke(job, 'expired', 'The job did not start before it expired.', ms, retention)
end

-- Ends an attempt whose process or worker is gone: the job waits for its next attempt; or it ends, cancelled or with its
-- attempts used up. The fence moves on, so an attempt that still lives learns from its renewal that it lost the job.
local function rescue_attempt(job, ms, retention)
  redis.call('ZREM', LEASES, job.id)
  job.fence = job.fence + 1
  redis.call('HSET', job_key(job.id), 'fence', job.fence)
  if job.cancel then return revoke_cancelled(job, ms, retention) end
  local error = '{"code":"worker-lost","message":"The worker died or lost its lease while it ran attempt '
    .. job.attempt .. '.","retryable":true,"attempt":' .. job.attempt .. '}'
  if job.attempt >= job.max_attempts then return finish(job, 'FAILURE', { error = error }, ms, retention) end
  move(job, 'RETRY', 'error', error)
  redis.call('HDEL', job_key(job.id), 'owner')
  requeue(job, job.stamp)
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"error":' .. error .. '}')
end

-- Returns a running job to the front of its queue; the attempt does not count. A cancelled job ends instead.
local function release_attempt(job, ms, retention)
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

-- Ends a waiting job at once, and asks the worker of a running one to stop it; returns the word of the reply.
local function cancel_job(job, ms, retention)
  if FINAL_EVENT[job.state] then return job.state == 'REVOKED' and 'repeated' or 'finished' end
  redis.call('HSET', job_key(job.id), 'cancel', '1')
  if job.state == 'STARTED' then
    local worker = string.match(job.owner, '^[^/]*')
    redis.call('SADD', cancels_key(worker), job.id)
    redis.call('PEXPIRE', cancels_key(worker), CANCELS_TTL_MS)
    redis.call('PUBLISH', channel_key(worker), job.id)
    return job.cancel and 'repeated' or 'requested'
  end
  leave_queue(job)
  revoke_cancelled(job, ms, retention)
  return 'revoked'
end
