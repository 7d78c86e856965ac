-- feed: one tenant's events after a given one, of all its jobs or of one batch, in order.
-- ARGV 1 tenant, 2 stream id of the last event known, or '' for the present end (of a batch: for its start),
--      3 maximum number of events to look at, 4 maximum number of bytes, 5 batch or ''
-- reply {'found', stream id up to which it looked, 'more' | 'open' | 'ended', {{stream id, type, job, partition, detail
--       (JSON), result or ''}…}} | {'unknown'} | {'gone'}
--       The first type is `reset`, without job, partition and detail, where events after the known one are lost.
local tenant, after, batch = ARGV[1], ARGV[2], ARGV[5]
local most_entries, most_bytes = tonumber(ARGV[3]), tonumber(ARGV[4])
local newest = redis.call('XREVRANGE', FEED, '+', '-', 'COUNT', 1)[1]
local is_done, is_start = false, false
if batch ~= '' then
  local its_tenant, stamp, pending, started, retry = unpack(
    redis.call('HMGET', batch_key(batch), 'tenant', 'stamp', 'PENDING', 'STARTED', 'RETRY'))
  if its_tenant ~= tenant then return { why_missing(batch, 'batch', tenant) } end
  is_done = tonumber(pending or 0) + tonumber(started or 0) + tonumber(retry or 0) == 0
  is_start = after == ''
  if is_start then after = whole(math.floor(tonumber(stamp) / 1000) - 1000) end
end
if after == '' or not newest then return { 'found', newest and newest[1] or '0-0', is_done and 'ended' or 'open', {} } end

local items, bytes, last = {}, 0, after
local oldest = redis.call('XRANGE', FEED, '-', '+', 'COUNT', 1)[1][1]
local is_lost = is_later(after, '0') and is_later(id_before(oldest), after)
if is_start then is_lost = is_lost and redis.call('XLEN', FEED) >= FEED_KEPT end
if is_lost or not is_past(after, now_us()) then
  last = id_before(oldest)
  items[1] = { last, 'reset', '', '', '', '' }
end
for _, entry in ipairs(redis.call('XRANGE', FEED, '(' .. last, '+', 'COUNT', most_entries)) do
  local kind, job, partition, its_batch, detail = read_entry(entry)
  last = entry[1]
  if partition and string.match(partition, '^[^:]*') == tenant and (batch == '' or its_batch == batch) then
    local result = kind == 'job.succeeded' and redis.call('HGET', job_key(job), 'result') or ''
    items[#items + 1] = { last, kind, job, partition, detail, result }
    bytes = bytes + #detail + #result
    if bytes >= most_bytes then break end
  end
end
local status = is_later(newest[1], last) and 'more' or is_done and 'ended' or 'open'
return { 'found', last, status, items }
