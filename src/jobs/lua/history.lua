-- history: one job's events after a given one, in order; and, where a process is named, its wish to be told of the
-- next ones. Nothing falls between the two.
-- ARGV 1 id, 2 tenant, 3 watching process or '', 4 stream id of the last event known or '', 5 most events, 6 most bytes
-- reply {'found', place, 'more' | 'open' | 'ended', line…} | {'unknown'} | {'gone'}
--       A line is `<stream id> <type> <JSON detail>`, and after a newline the result, where there is one.
--       The type is `reset`, and the detail the job as it stands, where events after the known one are lost.
local id, tenant, after = ARGV[1], ARGV[2], ARGV[4]
local job = load_job(id, 'progress', 'error')
if not job or job.tenant ~= tenant then
  return { redis.call('GET', gone_key(id)) == tenant and 'gone' or 'unknown' }
end
local us = now_us()
local is_final = FINAL_EVENT[job.state]
if is_final then
  local until_ms = redis.call('ZSCORE', FINISHED, id)
  if not until_ms or tonumber(until_ms) <= us / 1000 then return { 'gone' } end
elseif ARGV[3] ~= '' then
  past_full()
  add_watcher(job, ARGV[3])
end

-- The first of the lines, which lie in the order of their ids, that is later than `after`.
local key, low = events_key(id), 0
local size = redis.call('LLEN', key)
local is_ours = is_past(after, us)
if after ~= '' and is_ours then
  local high = size
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_later(redis.call('LINDEX', key, middle), after) then high = middle else low = middle + 1 end
  end
end

local lines, bytes = {}, 0
local function add(line)
  lines[#lines + 1] = line
  bytes = bytes + #line
end

local first = redis.call('LINDEX', key, 0)
if not is_ours or (low == 0 and first and not string.find(first, '^%S+ job%.created ')) then
  add(id_before(first) .. ' reset {"state":"' .. job.state .. '","attempt":' .. job.attempt
    .. (job.more[1] and ',"progress":' .. job.more[1] or '') .. (job.more[2] and ',"error":' .. job.more[2] or '') .. '}')
end
for _, line in ipairs(redis.call('LRANGE', key, low, low + tonumber(ARGV[5]) - 1)) do
  if job.state == 'SUCCESS' and low == size - 1 then
    line = line .. '\n' .. (redis.call('HGET', job_key(id), 'result') or '')
  end
  add(line)
  low = low + 1
  if bytes >= tonumber(ARGV[6]) then break end
end
return { 'found', job.place, low < size and 'more' or is_final and 'ended' or 'open', unpack(lines) }
