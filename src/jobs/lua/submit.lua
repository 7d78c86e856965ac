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
    if not FINAL_EVENT[job.state] then
      past_full()
      add_watcher(job, watcher)
    end
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
local missing = find_missing_file(ARGV[16])
if missing then return missing end
local depth = take_room(queue, 1, tonumber(ARGV[13]))
if depth then return { 'full', depth } end

local us = now_us()
local stamp = next_stamp(us)
local ms = math.floor(us / 1000)
local due
if ARGV[7] ~= '' then due = whole(ms + tonumber(ARGV[7])) elseif ARGV[8] ~= '' then due = ARGV[8] end
if idem ~= '' then redis.call('SET', idempotency_key(idem), ARGV[12] .. ' ' .. id) end
local waits = store_job({ id = id, place = place, queue = queue, tenant = string.match(place, '^[^:]*'), stamp = stamp,
  priority = ARGV[3], max_attempts = ARGV[4], timeout_ms = ARGV[5], input = ARGV[6], run_at = due,
  start_by = ARGV[9] ~= '' and whole(ms + tonumber(ARGV[9])), tags = ARGV[10], idem = idem, retry_of = ARGV[15],
  files = ARGV[16], watchers = watcher }, ms)
if waits then wake(queue, 1) end
return { 'created', whole(stamp), due or '' }
