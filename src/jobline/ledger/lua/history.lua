-- history: one job's events after a given one, in order. A named process receives the next ones; nothing falls between.
-- ARGV 1 id, 2 tenant, 3 subscribing process or '', 4 stream id of the last event known or '',
--      5 maximum number of events between the milestones, 6 maximum number of bytes
-- reply {'found', partition, 'more' | 'open' | 'ended', {line…}} | {'unknown'} | {'gone'}
--       A line is `<stream id> <type> <detail (JSON)>`, and after a newline the result, where there is one.
--       The type is `reset`, and the detail the job as it is now, where events after the known one are lost.
local id, tenant, subscriber, after = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local most_lines, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local job, progress, error, created, started, ended, is_trimmed =
  load_job(id, 'progress', 'error', 'created_event', 'started_event', 'ended_event', 'trimmed')
if not job or job.tenant ~= tenant then return { why_missing(id, 'job', tenant) } end
local us = now_us()
if ended then
  local expires_ms = redis.call('ZSCORE', FINISHED, id)
  if not expires_ms or tonumber(expires_ms) <= us / 1000 then return { 'gone' } end
elseif subscriber ~= '' then
  write_when_full()
  subscribe(job, subscriber)
end

local is_ours = is_past(after, us)
local function is_new(event) return event and (after == '' or not is_ours or is_later(event, after)) end

-- The position of the first line that is later than `after`; the lines are in the order of their ids.
local key, position = events_key(id), 0
local size = redis.call('LLEN', key)
if after ~= '' and is_ours then
  local past = size
  while position < past do
    local middle = math.floor((position + past) / 2)
    if is_new(redis.call('LINDEX', key, middle)) then past = middle else position = middle + 1 end
  end
end

local lines, bytes = {}, 0
local function add(line)
  lines[#lines + 1] = line
  bytes = bytes + #line
end

local is_lost = is_trimmed and position == 0
if is_lost or not is_ours then
  add(id_before(is_lost and redis.call('LINDEX', key, 0) or created) .. ' reset {"state":"' .. job.state .. '","attempt":'
    .. job.attempt .. (progress and ',"progress":' .. progress or '') .. (error and ',"error":' .. error or '') .. '}')
end
if not is_lost then
  if is_new(created) then add(created .. ' job.created ' .. CREATED_DETAIL) end
  if is_new(started) then add(started .. ' job.started ' .. STARTED_DETAIL) end
end
for _, line in ipairs(redis.call('LRANGE', key, position, position + most_lines - 1)) do
  if bytes >= most_bytes then break end
  add(line)
  position = position + 1
end
local has_more = position < size
if not has_more and is_new(ended) then
  has_more = bytes >= most_bytes
  if not has_more then
    add(ended .. ' ' .. FINAL_EVENT[job.state] .. ' ' .. ended_detail(job.attempt, error)
      .. (job.state == 'SUCCESS' and '\n' .. redis.call('HGET', job_key(id), 'result') or ''))
  end
end
return { 'found', job.partition, has_more and 'more' or ended and 'ended' or 'open', lines }
