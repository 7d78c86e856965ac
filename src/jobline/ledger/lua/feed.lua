-- feed: one tenant's events after a given one, of all its jobs or of one batch, in order.
-- ARGV 1 tenant, 2 stream id of the last event known, or '' for the present end (of a batch: for its start),
--      3 most events looked at, 4 most bytes, 5 batch or ''
-- reply {stream id up to which was looked, 'more' | 'open' | 'ended', {stream id, type, job, place, JSON detail,
--       result or ''}…} | {'unknown'} | {'gone'}
--       The first type is `reset`, without job, place and detail, where events after the known one are lost.
local tenant, after, look, batch = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[5]
local newest = redis.call('XREVRANGE', FEED, '+', '-', 'COUNT', 1)[1]
local is_done, is_start = false, false
if batch ~= '' then
  local v = redis.call('HMGET', batch_key(batch), 'tenant', 'stamp', 'PENDING', 'STARTED', 'RETRY')
  if v[1] ~= tenant then return { redis.call('GET', gone_key(batch)) == tenant and 'gone' or 'unknown' } end
  is_done = tonumber(v[3] or 0) + tonumber(v[4] or 0) + tonumber(v[5] or 0) == 0
  is_start = after == ''
  if is_start then after = whole(math.floor(tonumber(v[2]) / 1000) - 1000) end
end
if after == '' or not newest then return { newest and newest[1] or '0-0', is_done and 'ended' or 'open' } end

local items, bytes, last = {}, 0, after
local oldest = redis.call('XRANGE', FEED, '-', '+', 'COUNT', 1)[1][1]
local is_cut = is_later(after, '0') and is_later(oldest, after)
if is_start then is_cut = is_cut and redis.call('XLEN', FEED) >= FEED_KEPT end
if is_cut or not is_past(after, now_us()) then
  last = id_before(oldest)
  items[1] = { last, 'reset', '', '', '', '' }
end
for _, entry in ipairs(redis.call('XRANGE', FEED, '(' .. last, '+', 'COUNT', look)) do
  local kind, job, place, its_batch, detail = read_entry(entry[2])
  last = entry[1]
  if string.match(place, '^[^:]*') == tenant and (batch == '' or its_batch == batch) then
    local result = kind == 'job.succeeded' and redis.call('HGET', job_key(job), 'result') or ''
    items[#items + 1] = { last, kind, job, place, detail, result }
    bytes = bytes + #detail + #result
    if bytes >= tonumber(ARGV[4]) then break end
  end
end
local status = is_later(newest[1], last) and 'more' or is_done and 'ended' or 'open'
return { last, status, unpack(items) }
