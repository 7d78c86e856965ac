-- submit: stores a new job, which waits or is due later; or replies what an earlier submit of it created.
-- ARGV 1 id, 2 input (JSON), 3… the terms, as read_terms reads them; 12 idempotency digest or '', 13 fingerprint,
--      14 queue limit, 15 subscribing process or ''
-- reply {'created', stamp, due_ms or ''} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id} | {'gone-file', id}
-- event job.created
local id, input = ARGV[1], ARGV[2]
local idem, fingerprint, queue_limit, subscriber = unpack(ARGV, 12, 15)
local function exists(known) return redis.call('EXISTS', job_key(known)) == 1 end
local earlier, is_other = find_earlier(exists, id, idem, fingerprint)
if is_other then return { 'reused', earlier } end
if earlier then
  local job = subscriber ~= '' and load_job(earlier)
  if job and not FINAL_EVENT[job.state] then
    write_when_full()
    subscribe(job, subscriber)
  end
  return { 'replayed', earlier, redis.call('HGETALL', job_key(earlier)) }
end

local us = now_us()
local ms = math.floor(us / 1000)
local job = read_terms(3, ms)
local missing = find_missing_file(job.files, job.tenant)
if missing then return missing end
if not reserve_room(job.queue, 1, tonumber(queue_limit)) then return { 'full', job.queue } end

job.id, job.input, job.stamp, job.idem, job.subscribers = id, input, next_stamp(us), idem, subscriber
if idem ~= '' then redis.call('SET', idempotency_key(idem), fingerprint .. ' ' .. id) end
if store_job(job, ms) then wake(job.queue, 1) end
return { 'created', whole(job.stamp), job.run_at or '' }
