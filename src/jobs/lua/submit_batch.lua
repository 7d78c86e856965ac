-- submit_batch: stores many jobs, all or none, or answers what an earlier submit of the batch made.
-- ARGV 1 batch id, 2 tenant, 3 tags of the batch (JSON array) or '', 4 idempotency digest or '', 5 fingerprint,
--      6 queue limit, then for each job: id, place, priority, max_attempts, timeout_ms, input, delay_ms or '',
--      run_at_ms or '', expires_in_ms or '', tags (JSON array) or '', file ids separated by spaces or ''
-- reply {'created', record} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id, number of the job} | {'gone-file', id, number of the job}
-- event job.created
local FIRST, WIDTH = 7, 11
local batch, tenant, idem = ARGV[1], ARGV[2], ARGV[4]

if idem ~= '' then
  local known = redis.call('GET', idempotency_key(idem))
  if known then
    local fingerprint, existing = string.match(known, '^(%S+) (%S+)$')
    if redis.call('EXISTS', batch_key(existing)) == 1 then
      if fingerprint ~= ARGV[5] then return { 'reused', existing } end
      return { 'replayed', existing, redis.call('HGETALL', batch_key(existing)) }
    end
  end
end
if redis.call('EXISTS', batch_key(batch)) == 1 then
  return { 'replayed', batch, redis.call('HGETALL', batch_key(batch)) }
end

local names, counts, total = {}, {}, 0
for first = FIRST, #ARGV, WIDTH do
  local missing = ARGV[first + 10] ~= '' and find_missing_file(ARGV[first + 10])
  if missing then return { missing[1], missing[2], total } end
  local queue = string.match(ARGV[first + 1], '[^:]*$')
  if not counts[queue] then
    names[#names + 1], counts[queue] = queue, 0
  end
  counts[queue], total = counts[queue] + 1, total + 1
end
for index, queue in ipairs(names) do
  if take_room(queue, counts[queue], tonumber(ARGV[6])) then
    for before = 1, index - 1 do redis.call('HINCRBY', QUEUES, names[before], -counts[names[before]]) end
    return { 'full', queue }
  end
end

local us = now_us()
local ms, stamp = math.floor(us / 1000), next_stamp(us, total)
local record = { 'tenant', tenant, 'stamp', whole(stamp), 'total', total, 'PENDING', total }
local function add(name, value)
  if value == '' then return end
  record[#record + 1] = name
  record[#record + 1] = value
end
add('tags', ARGV[3])
add('idem', idem)
redis.call('HSET', batch_key(batch), unpack(record))
if idem ~= '' then redis.call('SET', idempotency_key(idem), ARGV[5] .. ' ' .. batch) end
for first = FIRST, #ARGV, WIDTH do
  local id, place, due = ARGV[first], ARGV[first + 1], ARGV[first + 7]
  if ARGV[first + 6] ~= '' then due = whole(ms + tonumber(ARGV[first + 6])) end
  redis.call('ZADD', batch_jobs_key(batch), stamp, id)
  store_job({ id = id, place = place, queue = string.match(place, '[^:]*$'), tenant = tenant, stamp = stamp,
    priority = ARGV[first + 2], max_attempts = ARGV[first + 3], timeout_ms = ARGV[first + 4], input = ARGV[first + 5],
    run_at = due, start_by = ARGV[first + 8] ~= '' and whole(ms + tonumber(ARGV[first + 8])), tags = ARGV[first + 9],
    files = ARGV[first + 10], batch = batch }, ms)
  stamp = stamp + 1
end
for _, queue in ipairs(names) do wake(queue, counts[queue]) end
return { 'created', redis.call('HGETALL', batch_key(batch)) }
