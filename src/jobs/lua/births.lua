-- How a job comes into the ledger, for every verb that brings one. The verb checks first, then writes: it looks for
-- the files, takes room in the queue (the first write, which a full Redis refuses), gives a stamp, stores the job.

-- Answers what a submit answers where one of the files (ids separated by spaces) is not there.
local function find_missing_file(files)
  for file in string.gmatch(files or '', '%S+') do
    if redis.call('EXISTS', file_key(file)) == 0 then
      return { redis.call('EXISTS', gone_key(file)) == 1 and 'gone-file' or 'no-file', file }
    end
  end
end

-- Counts new jobs in their queue; answers its depth, and counts nothing, where the limit does not allow them.
local function take_room(queue, jobs, limit)
  local depth = redis.call('HINCRBY', QUEUES, queue, jobs)
  if depth <= limit then return nil end
  redis.call('HINCRBY', QUEUES, queue, -jobs)
  return depth - jobs
end

local OPTIONAL = { 'run_at', 'start_by', 'tags', 'idem', 'retry_of', 'files', 'watchers', 'batch' }

-- Stores a new job whose room is taken: record, indexes, event, place in the waiting order. Wakes nobody; says whether
-- the job waits to be claimed now.
local function store_job(job, ms)
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
  put_on_shelf(job, 'PENDING')
  for file in string.gmatch(job.files or '', '%S+') do
    redis.call('HINCRBY', file_key(file), 'refs', 1)
    redis.call('ZREM', FILES, file)
  end
  if job.start_by then redis.call('ZADD', START_BY, job.start_by, job.id) end
  if job.run_at and tonumber(job.run_at) > ms then
    redis.call('ZADD', due_key(job.queue), job.run_at, job.id)
    return false
  end
  enqueue(job, job.stamp)
  return true
end

-- Makes a new job of a final one: the same order, due now.
-- Answers what a submit answers.
local function repeat_job(old, id, limit)
  local more = redis.call('HMGET', job_key(old.id), 'timeout_ms', 'input')
  local missing = find_missing_file(old.files)
  if missing then return missing end
  local depth = take_room(old.queue, 1, limit)
  if depth then return { 'full', depth } end
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
