-- submit_batch: stores many jobs, all or none; or replies what an earlier submit of the batch created.
-- ARGV 1 batch id, 2 tenant, 3 tags of the batch (JSON array) or '', 4 idempotency digest or '', 5 fingerprint,
--      6 queue limit, 7 number of terms, 8… the terms, as read_terms reads each; then for each job the number of its
--      terms (the first is 1), its id, its input (JSON)
-- reply {'created', id, record} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id, number of the job} | {'gone-file', id, number of the job}
-- event job.created
local TERMS, JOB_WORDS = 8, 3
local batch, tenant, tags, idem, fingerprint = unpack(ARGV, 1, 5)
local queue_limit, term_count = tonumber(ARGV[6]), tonumber(ARGV[7])
local function exists(known) return redis.call('EXISTS', batch_key(known)) == 1 end
local earlier, is_other = find_earlier(exists, batch, idem, fingerprint)
if is_other then return { 'reused', earlier } end
if earlier then return { 'replayed', earlier, redis.call('HGETALL', batch_key(earlier)) } end

local us = now_us()
local ms = math.floor(us / 1000)
local jobs, terms = TERMS + TERM_WORDS * term_count, {}
for first = TERMS, jobs - 1, TERM_WORDS do
  local shared = read_terms(first, ms)
  shared.batch = batch
  terms[#terms + 1] = shared
end

local queues, counts, total = {}, {}, 0
for first = jobs, #ARGV, JOB_WORDS do
  local job = terms[tonumber(ARGV[first])]
  local missing = find_missing_file(job.files, job.tenant)
  if missing then return { missing[1], missing[2], total } end
  if not counts[job.queue] then
    queues[#queues + 1], counts[job.queue] = job.queue, 0
  end
  counts[job.queue], total = counts[job.queue] + 1, total + 1
end
for index, queue in ipairs(queues) do
  if not reserve_room(queue, counts[queue], queue_limit) then
    for before = 1, index - 1 do redis.call('HINCRBY', QUEUES, queues[before], -counts[queues[before]]) end
    return { 'full', queue }
  end
end

local stamp = next_stamp(us, total)
local record = { 'tenant', tenant, 'stamp', whole(stamp), 'total', total, 'kept', total, 'PENDING', total }
if tags ~= '' then record[#record + 1], record[#record + 2] = 'tags', tags end
if idem ~= '' then
  record[#record + 1], record[#record + 2] = 'idem', idem
  redis.call('SET', idempotency_key(idem), fingerprint .. ' ' .. batch)
end
redis.call('HSET', batch_key(batch), unpack(record))
local additions = {}
for first = jobs, #ARGV, JOB_WORDS do
  local number, id, input = unpack(ARGV, first, first + JOB_WORDS - 1)
  local job = terms[tonumber(number)]
  job.id, job.input, job.stamp = id, input, stamp
  store_job(job, ms, additions)
  stamp = stamp + 1
end
write_additions(additions)
trim_feed()
for _, queue in ipairs(queues) do wake(queue, counts[queue]) end
return { 'created', batch, redis.call('HGETALL', batch_key(batch)) }
