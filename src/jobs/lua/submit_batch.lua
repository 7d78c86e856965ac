-- submit_batch: stores many jobs, all or none, or answers what an earlier submit of the batch made.
-- ARGV 1 batch id, 2 tenant, 3 tags of the batch (JSON array) or '', 4 idempotency digest or '', 5 fingerprint,
--      6 queue limit, 7… the jobs, as read_job reads each
-- reply {'created', id, record} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id, number of the job} | {'gone-file', id, number of the job}
-- event job.created
local FIRST = 7
local batch, tenant, idem = ARGV[1], ARGV[2], ARGV[4]
local earlier, is_other = find_earlier(batch_key, batch, idem, ARGV[5])
if is_other then return { 'reused', earlier } end
if earlier then return { 'replayed', earlier, redis.call('HGETALL', batch_key(earlier)) } end

local names, counts, total = {}, {}, 0
for first = FIRST, #ARGV, JOB_WORDS do
  local missing = ARGV[first + 10] ~= '' and find_missing_file(ARGV[first + 10])
  if missing then return { missing[1], missing[2], total } end
  local queue = string.match(ARGV[first + 1], '[^:]*$')
  if not counts[queue] then
    names[#names + 1], counts[queue] = queue, 0
  end
  counts[queue], total = counts[queue] + 1, total + 1
end
for index, queue in ipairs(names) do
  if not take_room(queue, counts[queue], tonumber(ARGV[6])) then
    for before = 1, index - 1 do redis.call('HINCRBY', QUEUES, names[before], -counts[names[before]]) end
    return { 'full', queue }
  end
end

local us = now_us()
local ms, stamp = math.floor(us / 1000), next_stamp(us, total)
local record = { 'tenant', tenant, 'stamp', whole(stamp), 'total', total, 'kept', total, 'PENDING', total }
local function add(name, value)
  if value == '' then return end
  record[#record + 1] = name
  record[#record + 1] = value
end
add('tags', ARGV[3])
add('idem', idem)
redis.call('HSET', batch_key(batch), unpack(record))
if idem ~= '' then redis.call('SET', idempotency_key(idem), ARGV[5] .. ' ' .. batch) end
local lines = {}
for first = FIRST, #ARGV, JOB_WORDS do
  local job = read_job(first, ms)
  job.stamp, job.batch = stamp, batch
  store_job(job, ms, lines)
  stamp = stamp + 1
end
add_lines(lines)
for _, queue in ipairs(names) do wake(queue, counts[queue]) end
return { 'created', batch, redis.call('HGETALL', batch_key(batch)) }
