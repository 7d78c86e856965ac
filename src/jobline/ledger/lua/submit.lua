-- submit: stores a new job and makes it waiting, or answers what an earlier submit of it made.
-- ARGV 1 id, 2 input (JSON), 3 place, … 11 file ids: its terms, as read_terms reads them; 12 idempotency digest or '',
--      13 fingerprint, 14 queue limit, 15 watching process or ''
-- reply {'created', stamp, due_ms or ''} | {'replayed', id, record} | {'reused', id} | {'full', queue}
--       | {'no-file', id} | {'gone-file', id}
-- event job.created
local id, idem, watcher = ARGV[1], ARGV[12], ARGV[15]
local earlier, is_other = find_earlier(job_key, id, idem, ARGV[13])
if is_other then return { 'reused', earlier } end
if earlier then
  local job = watcher ~= '' and load_job(earlier)
  if job and not FINAL_EVENT[job.state] then
    past_full()
    add_watcher(job, watcher)
  end
  return { 'replayed', earlier, redis.call('HGETALL', job_key(earlier)) }
end

local us = now_us()
local ms = math.floor(us / 1000)
local job = read_terms(3, ms)
local missing = find_missing_file(job.files)
if missing then return missing end
if not take_room(job.queue, 1, tonumber(ARGV[14])) then return { 'full', job.queue } end

job.id, job.input, job.stamp, job.idem, job.watchers = id, ARGV[2], next_stamp(us), idem, watcher
if idem ~= '' then redis.call('SET', idempotency_key(idem), ARGV[13] .. ' ' .. id) end
if store_job(job, ms) then wake(job.queue, 1) end
return { 'created', whole(job.stamp), job.run_at or '' }
