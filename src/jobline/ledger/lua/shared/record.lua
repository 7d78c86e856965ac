-- The record of a job, read by the names of its fields.
--
-- JSON comes ready from Python and is stored as it came: cjson would change empty arrays and large integers.

-- Splits a partition, tenant:task:queue.
local function split_partition(partition) return string.match(partition, '^([^:]*):([^:]*):(.*)$') end

-- Loads what the transitions need to know of a job; nil where there is none. Returns the values of further fields, by
-- their names, after it: local job, input = load_job(id, 'input'). A record that no script wrote counts as none: an error
-- here would end every tick and every claim.
--
-- Positions become names in this one statement, whose two lists have one order. A loop that sets them by name takes three
-- microseconds more a job, a tenth of a claim.
local function load_job(id, ...)
  local values = redis.pcall('HMGET', job_key(id), 'state', 'partition', 'stamp', 'priority', 'attempt', 'max_attempts',
    'fence', 'owner', 'cancel', 'subscribers', 'idem', 'files', 'tags', 'start_by', 'batch', 'permits', ...)
  local state, partition, stamp, priority, attempt, max_attempts,
    fence, owner, cancel, subscribers, idem, files, tags, start_by, batch, permits = unpack(values, 1, 16)
  stamp, priority, attempt, max_attempts, fence =
    tonumber(stamp), tonumber(priority), tonumber(attempt or 0), tonumber(max_attempts), tonumber(fence or 0)
  if not (state and partition and stamp and priority and attempt and max_attempts and fence) then return nil end
  local tenant, task, queue = split_partition(partition)
  if not tenant or start_by and not tonumber(start_by) then return nil end
  return {
    id = id, state = state, partition = partition, tenant = tenant, task = task, queue = queue, stamp = stamp,
    priority = priority, attempt = attempt, max_attempts = max_attempts,
    fence = fence, owner = owner, cancel = cancel, subscribers = subscribers, idem = idem, files = files,
    tags = tags, start_by = start_by, batch = batch, permits = permits,
  }, unpack(values, 17)
end

-- Loads the job of an attempt that may write: it runs, and its fence is the current one. Otherwise returns nil and the
-- job's state. `fence` counts claims, releases and rescues, so an attempt that lost its job has an old one.
local function load_current(id, fence)
  local job = load_job(id)
  if not job then return nil, 'PENDING' end
  if job.state ~= 'STARTED' or whole(job.fence) ~= fence then return nil, job.state end
  return job
end

-- Returns why a tenant sees no job, batch or file under an id: it has expired, or there never was one of that kind.
local function why_missing(id, kind, tenant)
  return redis.call('GET', gone_key(id)) == kind .. ' ' .. tenant and 'gone' or 'unknown'
end
