-- history: one job's events after a given one, in order; and, where a process is named, its wish to be told of the
-- next ones. Nothing falls between the two.
-- ARGV 1 id, 2 tenant, 3 watching process or '', 4 stream id of the last event known or '',
--      5 most events between the milestones, 6 most bytes
-- reply {'found', place, 'more' | 'open' | 'ended', line…} | {'unknown'} | {'gone'}
--       A line is `<stream id> <type> <JSON detail>`, and after a newline the result, where there is one.
--       The type is `reset`, and the detail the job as it stands, where events after the known one are lost.
local id, tenant, after = ARGV[1], ARGV[2], ARGV[4]
local job = load_job(id, 'progress', 'error', 'born', 'began', 'ended', 'cut')
if not job or job.tenant ~= tenant then
  return { redis.call('GET', gone_key(id)) == tenant and 'gone' or 'unknown' }
end
local progress, error, born, began, ended, is_trimmed = unpack(job.more, 1, 6)
local us = now_us()
if ended then
  local until_ms = redis.call('ZSCORE', FINISHED, id)
  if not until_ms or tonumber(until_ms) <= us / 1000 then return { 'gone' } end
elseif ARGV[3] ~= '' then
  past_full()
  add_watcher(job, ARGV[3])
end

local is_ours = is_past(after, us)
local function is_new(event) return event and (after == '' or not is_ours or is_later(event, after)) end

-- The first of the lines, which lie in the order of their ids, that is later than `after`.
local key, low = events_key(id), 0
local size = redis.call('LLEN', key)
if after ~= '' and is_ours then
  local high = size
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_new(redis.call('LINDEX', key, middle)) then high = middle else low = middle + 1 end
  end
end

local lines, bytes = {}, 0
local function add(line)
  lines[#lines + 1] = line
  bytes = bytes + #line
end

local is_cut = is_trimmed and low == 0
if is_cut or not is_ours then
  add(id_before(is_cut and redis.call('LINDEX', key, 0) or born) .. ' reset {"state":"' .. job.state .. '","attempt":'
    .. job.attempt .. (progress and ',"progress":' .. progress or '') .. (error and ',"error":' .. error or '') .. '}')
end
if not is_cut then
  if is_new(born) then add(born .. ' job.created ' .. CREATED_DETAIL) end
  if is_new(began) then add(began .. ' job.started ' .. BEGAN_DETAIL) end
end
local most_bytes = tonumber(ARGV[6])
for _, line in ipairs(redis.call('LRANGE', key, low, low + tonumber(ARGV[5]) - 1)) do
  if bytes >= most_bytes then break end
  add(line)
  low = low + 1
end
local has_more = low < size
if not has_more and is_new(ended) then
  has_more = bytes >= most_bytes
  if not has_more then
    add(ended .. ' ' .. FINAL_EVENT[job.state] .. ' ' .. ended_detail(job.attempt, error)
      .. (job.state == 'SUCCESS' and '\n' .. redis.call('HGET', job_key(id), 'result') or ''))
  end
end
return { 'found', job.place, has_more and 'more' or ended and 'ended' or 'open', unpack(lines) }
