-- How a job enters the ledger, for every verb that creates one. A verb checks first and then writes: it looks for the
-- files, reserves room in the queue (the first write, which a full Redis refuses), takes a stamp, stores the job.

-- Returns the id of what this idempotency key created, or this id itself where it exists already, and whether the key came
-- with another request; nil where all is new. `exists` tells whether the ledger has an id.
local function find_earlier(exists, id, idem, fingerprint)
  local known = idem ~= '' and redis.call('GET', idempotency_key(idem))
  if known then
    local earlier_fingerprint, earlier = string.match(known, '^(%S+) (%S+)$')
    if exists(earlier) then return earlier, earlier_fingerprint ~= fingerprint end
  end
  if exists(id) then return id, false end
end

-- Reads the terms of a job, the TERM_WORDS arguments that commands/submitting.py writes, from ARGV[first] on: partition,
-- priority, max_attempts, timeout_ms, delay_ms or '', run_at_ms or '', expires_in_ms or '', tags (JSON array) or '', file
-- ids separated by spaces or ''. A job is its terms, an id, an input (JSON) and a stamp.
local function read_terms(first, ms)
  local partition, priority, max_attempts, timeout_ms, delay_ms, run_at, expires_in_ms, tags, files =
    unpack(ARGV, first, first + TERM_WORDS - 1)
  if delay_ms ~= '' then run_at = whole(ms + tonumber(delay_ms)) end
  local tenant, _, queue = split_partition(partition)
  return {
    partition = partition, tenant = tenant, queue = queue, priority = priority, max_attempts = max_attempts,
    timeout_ms = timeout_ms, run_at = run_at, tags = tags, files = files,
    start_by = expires_in_ms ~= '' and whole(ms + tonumber(expires_in_ms)),
  }
end

-- Counts new jobs in their queue. Returns false, and counts nothing, where the limit does not allow them.
local function reserve_room(queue, jobs, limit)
  if redis.call('HINCRBY', QUEUES, queue, jobs) <= limit then return true end
  redis.call('HINCRBY', QUEUES, queue, -jobs)
  return false
end

local OPTIONAL = { 'run_at', 'start_by', 'tags', 'idem', 'retry_of', 'files', 'subscribers', 'batch' }

-- Returns the fields of a new job's record that follow from its terms, for HSET. Jobs of a batch with the same terms come
-- in the same table, and share the list.
local function list_fields(job)
  if job.fields then return job.fields end
  local fields = { 'state', 'PENDING', 'partition', job.partition, 'priority', job.priority,
    'max_attempts', job.max_attempts, 'timeout_ms', job.timeout_ms }
  for _, name in ipairs(OPTIONAL) do
    if job[name] == '' then job[name] = nil end
    if job[name] then fields[#fields + 1], fields[#fields + 2] = name, job[name] end
  end
  job.fields = fields
  return fields
end

-- Stores a new job whose room is reserved: record, indexes, event, waiting order. Wakes nobody; returns whether the job
-- waits to be claimed now. With `additions` the job is one of many, and write_additions and trim_feed follow the last.
local function store_job(job, ms, additions)
  local event = additions and append_untrimmed(job, 'job.created', CREATED_DETAIL)
    or publish_event(job, 'job.created', CREATED_DETAIL)
  redis.call('HSET', job_key(job.id), 'created_event', event, 'stamp', whole(job.stamp), 'input', job.input,
    unpack(list_fields(job)))
  add_to_indexes(job, 'PENDING', additions)
  if job.files then keep_files(job.files) end
  if job.start_by then add_sorted(additions, START_BY, job.start_by, job.id) end
  if job.run_at and tonumber(job.run_at) > ms then
    add_sorted(additions, due_key(job.queue), job.run_at, job.id)
    return false
  end
  enqueue(job, job.stamp, additions)
  return true
end

-- Creates a job that repeats a final one on the same terms, due now; replies as a submit does.
local function retry_job(old, id, limit)
  local timeout_ms, input = unpack(redis.call('HMGET', job_key(old.id), 'timeout_ms', 'input'))
  local missing = find_missing_file(old.files, old.tenant)
  if missing then return missing end
  if not reserve_room(old.queue, 1, limit) then return { 'full', old.queue } end
  local us = now_us()
  local ms = math.floor(us / 1000)
  store_job({
    id = id, partition = old.partition, queue = old.queue, tenant = old.tenant, stamp = next_stamp(us),
    priority = old.priority, max_attempts = old.max_attempts, timeout_ms = timeout_ms, input = input, tags = old.tags,
    start_by = old.start_by and whole(ms + old.start_by - math.floor(old.stamp / 1000)), retry_of = old.id,
    files = old.files,
  }, ms)
  redis.call('HSET', job_key(old.id), 'retried_as', id)
  wake(old.queue, 1)
  return { 'created', id, redis.call('HGETALL', job_key(id)) }
end
