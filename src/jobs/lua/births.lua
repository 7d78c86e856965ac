-- How a job comes into the ledger, for every verb that brings one. The verb checks first, then writes: it looks for
-- the files, takes room in the queue (the first write, which a full Redis refuses), gives a stamp, stores the job.

-- Gives the id of what this key made before, or this id itself where it is there, and whether the key came with another
-- request; nil where all of it is new. `key_of` says what is made: job_key or batch_key.
local function find_earlier(key_of, id, idem, fingerprint)
  local known = idem ~= '' and redis.call('GET', idempotency_key(idem))
  if known then
    local before, existing = string.match(known, '^(%S+) (%S+)$')
    if redis.call('EXISTS', key_of(existing)) == 1 then return existing, before ~= fingerprint end
  end
  if redis.call('EXISTS', key_of(id)) == 1 then return id, false end
end

-- Reads a job of JOB_WORDS words from ARGV[first] on, as commands.submitting writes it: id, place (tenant:task:queue),
-- priority, max_attempts, timeout_ms, input (JSON), delay_ms or '', run_at_ms or '', expires_in_ms or '', tags (JSON
-- array) or '', file ids separated by spaces or ''.
local function read_job(first, ms)
  local place, due, life = ARGV[first + 1], ARGV[first + 7], ARGV[first + 8]
  if ARGV[first + 6] ~= '' then due = whole(ms + tonumber(ARGV[first + 6])) end
  return { id = ARGV[first], place = place, queue = string.match(place, '[^:]*$'), tenant = string.match(place, '^[^:]*'),
    priority = ARGV[first + 2], max_attempts = ARGV[first + 3], timeout_ms = ARGV[first + 4], input = ARGV[first + 5],
    run_at = due, start_by = life ~= '' and whole(ms + tonumber(life)), tags = ARGV[first + 9], files = ARGV[first + 10] }
end

-- Answers what a submit answers where one of the files (ids separated by spaces) is not there.
local function find_missing_file(files)
  for file in string.gmatch(files or '', '%S+') do
    if redis.call('EXISTS', file_key(file)) == 0 then
      return { redis.call('EXISTS', gone_key(file)) == 1 and 'gone-file' or 'no-file', file }
    end
  end
end

-- Counts new jobs in their queue; false where the limit does not allow them, and nothing is counted.
local function take_room(queue, jobs, limit)
  if redis.call('HINCRBY', QUEUES, queue, jobs) <= limit then return true end
  redis.call('HINCRBY', QUEUES, queue, -jobs)
  return false
end

local OPTIONAL = { 'run_at', 'start_by', 'tags', 'idem', 'retry_of', 'files', 'watchers', 'batch' }

-- Stores a new job whose room is taken: record, indexes, event, place in the waiting order. Wakes nobody; says whether
-- the job waits to be claimed now. With `lines`, what goes into sorted sets waits for add_lines.
local function store_job(job, ms, lines)
  local born = announce(job, 'job.created', CREATED_DETAIL)
  local fields = { 'state', 'PENDING', 'born', born, 'place', job.place, 'stamp', whole(job.stamp), 'priority', job.priority,
    'max_attempts', job.max_attempts, 'timeout_ms', job.timeout_ms, 'input', job.input }
  for _, name in ipairs(OPTIONAL) do
    if job[name] and job[name] ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = job[name]
    else
      job[name] = nil
    end
  end
  redis.call('HSET', job_key(job.id), unpack(fields))
  put_on_shelf(job, 'PENDING', lines)
  for file in string.gmatch(job.files or '', '%S+') do
    redis.call('HINCRBY', file_key(file), 'refs', 1)
    redis.call('ZREM', FILES, file)
  end
  if job.start_by then line_up(lines, START_BY, job.start_by, job.id) end
  if job.run_at and tonumber(job.run_at) > ms then
    line_up(lines, due_key(job.queue), job.run_at, job.id)
    return false
  end
  enqueue(job, job.stamp, lines)
  return true
end

-- Makes a new job of a final one: the same order, due now.
-- Answers what a submit answers.
local function repeat_job(old, id, limit)
  local more = redis.call('HMGET', job_key(old.id), 'timeout_ms', 'input')
  local missing = find_missing_file(old.files)
  if missing then return missing end
  if not take_room(old.queue, 1, limit) then return { 'full', old.queue } end
  local us = now_us()
  local ms = math.floor(us / 1000)
  store_job({ id = id, place = old.place, queue = old.queue, tenant = old.tenant, stamp = next_stamp(us),
    priority = old.priority, max_attempts = old.max_attempts, timeout_ms = more[1], input = more[2], tags = old.tags,
    start_by = old.start_by and whole(ms + old.start_by - math.floor(old.stamp / 1000)), retry_of = old.id,
    files = old.files }, ms)
  redis.call('HSET', job_key(old.id), 'retried_as', id)
  wake(old.queue, 1)
  return { 'created', id, redis.call('HGETALL', job_key(id)) }
end
