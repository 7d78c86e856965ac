-- submit_batch: stores many jobs, all or none, or answers what an earlier submit of the batch made.
-- ARGV 1 batch id, 2 tenant, 3 tags of the batch (JSON array) or '', 4 idempotency digest or '', 5 fingerprint,
--      6 queue limit, 7 how many terms there are, 8… the terms, as read_terms reads each; then of each job the number
--      of its terms (the first is 1), its id, its input (JSON)
-- reply {'created', id, record} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id, number of the job} | {'gone-file', id, number of the job}
-- event job.created
local TERMS, JOB_WORDS = 8, 3
local batch, tenant, idem = ARGV[1], ARGV[2], ARGV[4]
local earlier, is_other = find_earlier(batch_key, batch, idem, ARGV[5])
if is_other then return { 'reused', earlier } end
if earlier then return { 'replayed', earlier, redis.call('HGETALL', batch_key(earlier)) } end

local us = now_us()
local ms = math.floor(us / 1000)
local jobs, terms = TERMS + TERM_WORDS * tonumber(ARGV[7]), {}
for first = TERMS, jobs - 1, TERM_WORDS do
  local same = read_terms(first, ms)
  same.batch = batch
  terms[#terms + 1] = same
end

local names, counts, total = {}, {}, 0
for first = jobs, #ARGV, JOB_WORDS do
  local job = terms[tonumber(ARGV[first])]
  local missing = find_missing_file(job.files)
  if missing then return { missing[1], missing[2], total } end
  local queue = job.queue
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

local stamp = next_stamp(us, total)
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
for first = jobs, #ARGV, JOB_WORDS do
  local job = terms[tonumber(ARGV[first])]
  job.id, job.input, job.stamp = ARGV[first + 1], ARGV[first + 2], stamp
  store_job(job, ms, lines)
  stamp = stamp + 1
end
add_lines(lines)
trim_feed()
for _, queue in ipairs(names) do wake(queue, counts[queue]) end
return { 'created', batch, redis.call('HGETALL', batch_key(batch)) }
