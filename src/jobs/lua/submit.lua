-- submit: stores a new job and makes it waiting, or answers what an earlier submit of it made.
-- ARGV 1 id, 2 place (tenant:task:queue), 3 priority, 4 max_attempts, 5 timeout_ms, 6 input (JSON),
--      7 delay_ms or '', 8 run_at_ms or '', 9 expires_in_ms or '', 10 tags (JSON array) or '',
--      11 idempotency digest or '', 12 fingerprint, 13 queue limit, 14 watching process or '', 15 retry_of or '',
--      16 file ids, separated by spaces, or ''
-- reply {'created', stamp, due_ms or ''} | {'replayed', id, record} | {'reused', id} | {'full', waiting}
--       | {'no-file', id} | {'gone-file', id}
-- event job.created
local id, place, idem, watcher = ARGV[1], ARGV[2], ARGV[11], ARGV[14]

local function replay(existing)
  if watcher ~= '' then
    local job = load_job(existing)
    if not FINAL_EVENT[job.state] then add_watcher(job, watcher) end
  end
  return { 'replayed', existing, redis.call('HGETALL', job_key(existing)) }
end

if idem ~= '' then
  local known = redis.call('GET', idempotency_key(idem))
  if known then
    local fingerprint, existing = string.match(known, '^(%S+) (%S+)$')
    if redis.call('EXISTS', job_key(existing)) == 1 then
      if fingerprint ~= ARGV[12] then return { 'reused', existing } end
      return replay(existing)
    end
  end
end
if redis.call('EXISTS', job_key(id)) == 1 then return replay(id) end

local queue = string.match(place, '[^:]*$')
local waiting = redis.call('ZCARD', waiting_key(queue)) + redis.call('ZCARD', due_key(queue))
if waiting >= tonumber(ARGV[13]) then return { 'full', waiting } end
for file in string.gmatch(ARGV[16], '%S+') do
  if redis.call('EXISTS', file_key(file)) == 0 then
    return { redis.call('EXISTS', gone_key(file)) == 1 and 'gone-file' or 'no-file', file }
  end
end

local us = now_us()
local stamp = next_stamp(us)
local ms = math.floor(us / 1000)
local due
if ARGV[7] ~= '' then due = ms + tonumber(ARGV[7]) elseif ARGV[8] ~= '' then due = tonumber(ARGV[8]) end

local fields = { 'state', 'PENDING', 'place', place, 'stamp', whole(stamp), 'priority', ARGV[3],
  'max_attempts', ARGV[4], 'timeout_ms', ARGV[5], 'input', ARGV[6] }
local function add(name, value)
  if value and value ~= '' then
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
end
local start_by = ARGV[9] ~= '' and whole(ms + tonumber(ARGV[9]))
add('run_at', due and whole(due))
add('start_by', start_by)
add('tags', ARGV[10])
add('idem', idem)
add('retry_of', ARGV[15])
add('files', ARGV[16])
add('watchers', watcher)
redis.call('HSET', job_key(id), unpack(fields))

local job = { id = id, state = 'PENDING', place = place, queue = queue, tenant = string.match(place, '^[^:]*'),
  stamp = stamp, priority = tonumber(ARGV[3]) }
if idem ~= '' then redis.call('SET', idempotency_key(idem), ARGV[12] .. ' ' .. id) end
put_on_shelf(job, 'PENDING')
if ARGV[10] ~= '' then
  for _, tag in ipairs(cjson.decode(ARGV[10])) do redis.call('ZADD', tag_key(job.tenant, tag), stamp, id) end
end
for file in string.gmatch(ARGV[16], '%S+') do
  redis.call('HINCRBY', file_key(file), 'refs', 1)
  redis.call('ZREM', FILES, file)
end
redis.call('SADD', QUEUES, queue)
if start_by then redis.call('ZADD', START_BY, start_by, id) end
emit(job, 'job.created', '{}')
if due and due > ms then
  redis.call('ZADD', due_key(queue), whole(due), id)
else
  enqueue(job, stamp)
  wake(queue, 1)
end
return { 'created', whole(stamp), due and whole(due) or '' }
