-- The moves that the verbs share. Rules that every script keeps:
--
-- * Redis' own TIME is the only clock. Times are milliseconds; stamps are microseconds, unique and rising.
-- * A job is on exactly one shelf (its state, tenant, task and queue), and, while it waits, in exactly one of
--   WAITING, PARKED and DUE of its queue; while it runs, in LEASES; once final, in FINISHED.
-- * QUEUES counts what waits in each queue, in whichever of the three: whoever adds or takes a job counts it.
-- * `fence` counts claims and losses. A writer that does not hold the current fence writes nothing.
-- * JSON comes ready from Python and is stored as it came: cjson would mangle empty arrays and large integers.
-- * A script that must go through when Redis is full makes its first write one that frees memory (ZREM, ZPOPMIN), or
--   calls past_full(): Redis checks its memory limit only before a script's first write.
-- * No job's key has a TTL: FINISHED knows when each job is forgotten, and the tick forgets all of it at once.
--
-- To add a verb: one file beside this one, a member of scripts.Verb, a function in jobs/commands, a rule in the
-- model-based test.

local function past_full() redis.call('UNLINK', 'jl:nothing') end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(number) return string.format('%.0f', number) end

-- Gives the first of `count` stamps in a row, one where none is named.
local function next_stamp(us, count)
  local last = tonumber(redis.call('GET', CLOCK) or 0)
  if us <= last then us = last + 1 end
  redis.call('SET', CLOCK, whole(us + (count or 1) - 1))
  return us
end

-- Priority 9 first, then the order of the stamps.
local function turn(priority, stamp) return whole((9 - priority) * 562949953421312 + (stamp - EPOCH_US)) end

-- Reads what the moves need to know of a job, and more fields where named, as job.more.
local function load_job(id, ...)
  local v = redis.call('HMGET', job_key(id), 'state', 'place', 'stamp', 'priority', 'attempt', 'max_attempts',
    'fence', 'owner', 'cancel', 'watchers', 'idem', 'files', 'tags', 'start_by', 'batch', 'held', ...)
  if not v[1] then return nil end
  return { id = id, state = v[1], place = v[2], queue = string.match(v[2], '[^:]*$'),
    tenant = string.match(v[2], '^[^:]*'), stamp = tonumber(v[3]), priority = tonumber(v[4]),
    attempt = tonumber(v[5] or 0), max_attempts = tonumber(v[6]), fence = tonumber(v[7] or 0), owner = v[8],
    cancel = v[9], watchers = v[10], idem = v[11], files = v[12], tags = v[13], start_by = v[14],
    batch = v[15], held = v[16], more = { v[17], v[18], v[19], v[20], v[21], v[22] } }
end

local function task_of(job) return string.match(job.place, ':(.*):') end

-- Adds a job to a sorted set: now; or, where `lines` is given, with all others that come into that set, by add_lines:
-- the jobs of a batch, for a call costs more than a member. Says whether it is the first of them.
local function line_up(lines, key, score, id)
  if not lines then
    redis.call('ZADD', key, score, id)
    return true
  end
  local line = lines[key]
  if line then
    line[#line + 1], line[#line + 2] = score, id
    return false
  end
  lines[key] = { score, id }
  return true
end

local function add_lines(lines)
  for key, line in pairs(lines) do redis.call('ZADD', key, unpack(line)) end
end

local function put_on_shelf(job, state, lines)
  if line_up(lines, shelf_key(state, job.place), job.stamp, job.id) then
    redis.call('SADD', shelves_key(job.tenant), state .. ':' .. job.place)
  end
  if job.tags then
    for _, tag in ipairs(cjson.decode(job.tags)) do
      line_up(lines, tag_key(state, job.place, tag), job.stamp, job.id)
    end
  end
end

-- Leaves an empty shelf's name in SHELVES: list takes it out when it finds nothing there.
local function take_off_shelf(job)
  redis.call('ZREM', shelf_key(job.state, job.place), job.id)
  if job.tags then
    for _, tag in ipairs(cjson.decode(job.tags)) do redis.call('ZREM', tag_key(job.state, job.place, tag), job.id) end
  end
end

local function wake(queue, tokens)
  local room = WAKE_TOKENS - redis.call('LLEN', wake_key(queue))
  for _ = 1, math.min(tokens, room) do redis.call('LPUSH', wake_key(queue), 1) end
end

-- Puts a job into the waiting order of its tenant, and the tenant into the rotation of the queue: ahead of those that
-- were served since it was last in it, in its old place where it still is.
local function enqueue(job, stamp, lines)
  if line_up(lines, waiting_key(job.queue, job.tenant), turn(job.priority, stamp), job.id) then
    redis.call('ZADD', rota_key(job.queue), 'NX', 0, job.tenant)
  end
end

-- Makes a job wait again that had left its queue.
local function requeue(job, stamp)
  redis.call('HINCRBY', QUEUES, job.queue, 1)
  enqueue(job, stamp)
  wake(job.queue, 1)
end

local function leave_queue(job)
  redis.call('HINCRBY', QUEUES, job.queue, -1)
  if redis.call('ZREM', waiting_key(job.queue, job.tenant), job.id) == 0
    and redis.call('ZREM', due_key(job.queue), job.id) == 0 then
    redis.call('ZREM', parked_key(task_of(job), job.queue, job.tenant), job.id)
  end
  if job.start_by then redis.call('ZREM', START_BY, job.id) end
end

-- Limits on running jobs cost only jobs that have one. `held` of a job names what it counts in: 'k' its task, 't' its
-- tenant. A job whose task is full is PARKED; who ends hands its count to the next parked job, tenant by tenant, which
-- goes back to its place in the queue and starts from there. So parked jobs imply that one counts, and that they go on.
local function unpark(task)
  while true do
    local line = redis.call('ZRANGE', parked_rota_key(task), 0, 0)[1]
    if not line then return false end
    local queue, tenant = string.match(line, '^(.*):(.*)$')
    local next_one = redis.call('ZPOPMIN', parked_key(task, queue, tenant))
    if next_one[1] then
      redis.call('ZADD', parked_rota_key(task), whole(now_us()), line)
      redis.call('HSET', job_key(next_one[1]), 'held', 'k')
      redis.call('ZADD', waiting_key(queue, tenant), next_one[2], next_one[1])
      redis.call('ZADD', rota_key(queue), 'NX', 0, tenant)
      wake(queue, 1)
      return true
    end
    redis.call('ZREM', parked_rota_key(task), line)
  end
end

local function count_down(key, field)
  if redis.call('HINCRBY', key, field, -1) <= 0 then redis.call('HDEL', key, field) end
end

local function let_go(job)
  redis.call('HDEL', job_key(job.id), 'held')
  if string.find(job.held, 'k', 1, true) and not unpark(task_of(job)) then count_down(TASKS_RUNNING, task_of(job)) end
  if string.find(job.held, 't', 1, true) then
    count_down(TENANTS_RUNNING, job.tenant)
    for _, queue in ipairs(redis.call('SMEMBERS', barred_key(job.tenant))) do
      redis.call('ZADD', rota_key(queue), 'NX', 0, job.tenant)
      wake(queue, 1)
    end
    redis.call('DEL', barred_key(job.tenant))
  end
  job.held = nil
end

-- Gives the queue of each running job: as many as there are slots, however many tenants and jobs there are.
local function running_queues()
  local queues = {}
  for _, id in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
    queues[#queues + 1] = string.match(redis.call('HGET', job_key(id), 'place') or '', '[^:]*$')
  end
  return queues
end

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

-- A job's history: its milestones stand in its record, by the ids of their events (`born`, `began`, `ended`), for every
-- job has them; what comes between the start of its first attempt and its end stands in EVENTS, and most jobs have
-- nothing there. `cut` says that EVENTS was trimmed.
local CREATED_DETAIL = '{}'
local BEGAN_DETAIL = '{"attempt":1}'
local function ended_detail(attempt, error)
  return '{"attempt":' .. attempt .. (error and ',"error":' .. error or '') .. '}'
end

-- Appends an event to the feed, and tells the processes that watch the job; these learn the result as well, which is
-- stored once, in the record. Gives the event's id, which the caller stores.
local function announce(job, kind, detail, result)
  local event
  if job.batch then
    event = redis.call('XADD', FEED, 'MAXLEN', '~', FEED_KEPT, '*', 'job', job.id, 'place', job.place, 'type', kind,
      'data', detail, 'batch', job.batch)
  else
    event = redis.call('XADD', FEED, 'MAXLEN', '~', FEED_KEPT, '*', 'job', job.id, 'place', job.place, 'type', kind,
      'data', detail)
  end
  if job.watchers then
    for process in string.gmatch(job.watchers, '%S+') do
      redis.call('PUBLISH', tell_key(process), job.id .. ' ' .. event .. ' ' .. kind .. ' ' .. job.place .. ' ' .. detail
        .. (result and '\n' .. result or ''))
    end
  end
  return event
end

-- Announces an event that is no milestone, and appends it to the job's history.
local function emit(job, kind, detail)
  local line = announce(job, kind, detail) .. ' ' .. kind .. ' ' .. detail
  if redis.call('RPUSH', events_key(job.id), line) > EVENTS_KEPT then
    redis.call('LTRIM', events_key(job.id), -EVENTS_KEPT, -1)
    redis.call('HSET', job_key(job.id), 'cut', '1')
  end
end

-- Stream ids, `<milliseconds>-<sequence>`; a line of EVENTS begins with one.
local function split_id(id)
  local ms, sequence = string.match(id, '^(%d+)-?(%d*)')
  return tonumber(ms), tonumber(sequence) or 0
end

local function is_later(id, other)
  local ms, sequence = split_id(id)
  local other_ms, other_sequence = split_id(other)
  return ms > other_ms or (ms == other_ms and sequence > other_sequence)
end

-- Whether an id, or none, is of the past: a later one is of another ledger, or of what this one lost.
local function is_past(id, us) return id == '' or split_id(id) <= us / 1000 + TICK_GAP_MS end

-- The id below another, which no event has: the one after it would be the other.
local function id_before(id)
  local ms, sequence = split_id(id or '1')
  if sequence > 0 then return whole(ms) .. '-' .. whole(sequence - 1) end
  return whole(ms - 1) .. '-9007199254740991'
end

local FINAL_EVENT = { SUCCESS = 'job.succeeded', FAILURE = 'job.failed', REVOKED = 'job.revoked' }

-- Makes a job final: `field` is result or error, `text` its JSON. The event carries the error; results may be large.
local function finish(job, state, field, text, ms, ttl, file_ttl)
  local error = field == 'error' and text
  local ended = announce(job, FINAL_EVENT[state], ended_detail(job.attempt, error), not error and text)
  move(job, state, 'finished', whole(ms), 'ended', ended, field, text)
  redis.call('HDEL', job_key(job.id), 'owner', 'watchers', field == 'result' and 'error' or 'result')
  redis.call('ZADD', FINISHED, whole(ms + ttl), job.id)
  local ended = ended_key(whole(math.floor(ms / 60000)))
  if redis.call('HINCRBY', ended, job.queue, 1) == 1 then redis.call('PEXPIRE', ended, RATES_KEPT_MS) end
  if job.files then
    for file in string.gmatch(job.files, '%S+') do
      if redis.call('EXISTS', file_key(file)) == 1 and redis.call('HINCRBY', file_key(file), 'refs', -1) <= 0
        and not redis.call('HGET', file_key(file), 'job') then
        redis.call('ZADD', FILES, whole(ms + file_ttl), file)
      end
    end
  end
end

local function revoke(job, code, message, ms, ttl, file_ttl)
  finish(job, 'REVOKED', 'error', '{"code":"' .. code .. '","message":"' .. message
    .. '","retryable":false,"attempt":' .. job.attempt .. '}', ms, ttl, file_ttl)
end

local function revoke_cancelled(job, ms, ttl, file_ttl)
  revoke(job, 'cancelled', 'The job was cancelled.', ms, ttl, file_ttl)
end

-- Ends an attempt whose worker is gone: the next one waits, or the attempts are used up. The fence moves on, so that
-- the attempt, should it live after all, learns by its renewal that it was given up.
local function lose_attempt(job, ms, ttl, file_ttl)
  redis.call('ZREM', LEASES, job.id)
  job.fence = job.fence + 1
  redis.call('HSET', job_key(job.id), 'fence', job.fence)
  if job.cancel then return revoke_cancelled(job, ms, ttl, file_ttl) end
  local detail = '{"code":"worker-lost","message":"The worker died or lost its lease while it ran attempt '
    .. job.attempt .. '.","retryable":true,"attempt":' .. job.attempt .. '}'
  if job.attempt >= job.max_attempts then
    return finish(job, 'FAILURE', 'error', detail, ms, ttl, file_ttl)
  end
  move(job, 'RETRY', 'error', detail)
  redis.call('HDEL', job_key(job.id), 'owner')
  requeue(job, job.stamp)
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"error":' .. detail .. '}')
end

-- Hands an attempt back, to the front of its queue; it does not count. Somebody cancelled it: the job ends.
local function give_back(job, ms, ttl, file_ttl)
  redis.call('ZREM', LEASES, job.id)
  redis.call('HINCRBY', job_key(job.id), 'fence', 1)
  if job.cancel then return revoke_cancelled(job, ms, ttl, file_ttl) end
  job.attempt = job.attempt - 1
  move(job, job.attempt == 0 and 'PENDING' or 'RETRY', 'attempt', job.attempt)
  redis.call('HDEL', job_key(job.id), 'owner', 'started', 'progress')
  if job.start_by and job.attempt == 0 then redis.call('ZADD', START_BY, job.start_by, job.id) end
  requeue(job, job.stamp)
  emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"released":true}')
end

-- Ends a waiting job at once, asks for the end of a running one; says what it did.
local function cancel_job(job, ms, ttl, file_ttl)
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
  revoke_cancelled(job, ms, ttl, file_ttl)
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
local function leave_batch(job, tombstone)
  if redis.call('HINCRBY', batch_key(job.batch), 'kept', -1) > 0 then return end
  local idem = redis.call('HGET', batch_key(job.batch), 'idem')
  if idem then redis.call('DEL', idempotency_key(idem)) end
  redis.call('DEL', batch_key(job.batch))
  if tombstone > 0 then redis.call('SET', gone_key(job.batch), job.tenant, 'PX', whole(tombstone)) end
end

-- Removes every trace of a final job but a tombstone. An artifact that an unfinished job names becomes a plain file.
local function forget(job, tombstone)
  take_off_shelf(job)
  if job.batch then leave_batch(job, tombstone) end
  for _, file in ipairs(redis.call('HVALS', artifacts_key(job.id))) do
    if tonumber(redis.call('HGET', file_key(file), 'refs') or 0) > 0 then
      redis.call('HDEL', file_key(file), 'job')
    else
      drop_file_record(file)
    end
  end
  redis.call('ZREM', FINISHED, job.id)
  redis.call('DEL', job_key(job.id), events_key(job.id), artifacts_key(job.id))
  if job.idem then redis.call('DEL', idempotency_key(job.idem)) end
  if tombstone > 0 then redis.call('SET', gone_key(job.id), job.tenant, 'PX', whole(tombstone)) end
end
