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

-- Reads the terms of a job, TERM_WORDS words from ARGV[first] on, as commands.submitting writes them: place
-- (tenant:task:queue), priority, max_attempts, timeout_ms, delay_ms or '', run_at_ms or '', expires_in_ms or '', tags
-- (JSON array) or '', file ids separated by spaces or ''. A job is its terms, and an id, an input (JSON) and a stamp.
local function read_terms(first, ms)
  local place, due, life = ARGV[first], ARGV[first + 5], ARGV[first + 6]
  if ARGV[first + 4] ~= '' then due = whole(ms + tonumber(ARGV[first + 4])) end
  local tenant, _, queue = split_place(place)
  return { place = place, queue = queue, tenant = tenant,
    priority = ARGV[first + 1], max_attempts = ARGV[first + 2], timeout_ms = ARGV[first + 3], run_at = due,
    start_by = life ~= '' and whole(ms + tonumber(life)), tags = ARGV[first + 7], files = ARGV[first + 8] }
end

-- Answers what a submit answers where one of the files (ids separated by spaces) is not there.
local function find_missing_file(files)
  if not files or files == '' then return nil end
  for file in string.gmatch(files, '%S+') do
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

-- Gives the fields of a new job's record. Jobs of the same terms, which come one after the other in the same table, get
-- the same list, with what is their own in its first places.
local function fill_record(job, born)
  local fields = job.fields
  if fields then
    fields[2], fields[4], fields[6] = born, whole(job.stamp), job.input
    return fields
  end
  fields = { 'born', born, 'stamp', whole(job.stamp), 'input', job.input, 'state', 'PENDING', 'place', job.place,
    'priority', job.priority, 'max_attempts', job.max_attempts, 'timeout_ms', job.timeout_ms }
  for index = 1, #OPTIONAL do
    local name = OPTIONAL[index]
    if job[name] == '' then job[name] = nil end
    if job[name] then fields[#fields + 1], fields[#fields + 2] = name, job[name] end
  end
  job.fields = fields
  return fields
end

-- Stores a new job whose room is taken: record, indexes, event, place in the waiting order. Wakes nobody; says whether
-- the job waits to be claimed now. With `lines` it is one of many: what goes into sorted sets waits for add_lines, and
-- the feed for trim_feed.
local function store_job(job, ms, lines)
  local born = lines and append_event(job, 'job.created', CREATED_DETAIL) or announce(job, 'job.created', CREATED_DETAIL)
  redis.call('HSET', job_key(job.id), unpack(fill_record(job, born)))
  put_on_shelf(job, 'PENDING', lines)
  if job.files then
    for file in string.gmatch(job.files, '%S+') do
      redis.call('HINCRBY', file_key(file), 'refs', 1)
      redis.call('ZREM', FILES, file)
    end
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
