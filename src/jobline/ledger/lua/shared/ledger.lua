-- What the verbs share: time, records, shelves, the waiting order. `limits`, `events`, `moves`, `births` and `selection`
-- go on from here; scripts.SHARED has their order. Rules that every script keeps:
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
-- To add a verb: one file in the folder above, its script and its function in ledger/commands, a rule in the
-- model-based test.

local function past_full() redis.call('UNLINK', NOTHING) end

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Writes a whole number with all its digits. Lua's own words for one have 14, and of `%.0f` each takes three times as
-- long as of `%d`, which has 64 bits wherever Redis is built for them.
local function whole(number) return string.format('%d', number) end

-- Cuts a place, tenant:task:queue.
local function split_place(place) return string.match(place, '^([^:]*):([^:]*):(.*)$') end

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
  local tenant, task, queue = split_place(v[2])
  return { id = id, state = v[1], place = v[2], tenant = tenant, task = task, queue = queue,
    stamp = tonumber(v[3]), priority = tonumber(v[4]),
    attempt = tonumber(v[5] or 0), max_attempts = tonumber(v[6]), fence = tonumber(v[7] or 0), owner = v[8],
    cancel = v[9], watchers = v[10], idem = v[11], files = v[12], tags = v[13], start_by = v[14],
    batch = v[15], held = v[16], more = { v[17], v[18], v[19], v[20], v[21], v[22] } }
end

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

-- Takes a job out of a sorted set: now; or, where `lines` is given, with all others that leave it, by clear_lines.
local function step_out(lines, key, id)
  if not lines then
    redis.call('ZREM', key, id)
  elseif lines[key] then
    table.insert(lines[key], id)
  else
    lines[key] = { id }
  end
end

local function clear_lines(lines)
  for key, line in pairs(lines) do redis.call('ZREM', key, unpack(line)) end
end

-- Leaves an empty shelf's name in SHELVES: list takes it out when it finds nothing there.
local function take_off_shelf(job, lines)
  step_out(lines, shelf_key(job.state, job.place), job.id)
  if job.tags then
    for _, tag in ipairs(cjson.decode(job.tags)) do step_out(lines, tag_key(job.state, job.place, tag), job.id) end
  end
end

local function wake(queue, tokens)
  local room = WAKE_TOKENS - redis.call('LLEN', wake_key(queue))
  if room <= 0 then return end
  local ones = {}
  for index = 1, math.min(tokens, room) do ones[index] = 1 end
  redis.call('LPUSH', wake_key(queue), unpack(ones))
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
    redis.call('ZREM', parked_key(job.task, job.queue, job.tenant), job.id)
  end
  if job.start_by then redis.call('ZREM', START_BY, job.id) end
end
