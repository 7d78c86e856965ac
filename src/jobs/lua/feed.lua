-- feed: one tenant's events after a given one, of all its jobs, in order.
-- ARGV 1 tenant, 2 stream id of the last event known, or '' for the present end, 3 most events looked at, 4 most bytes
-- reply {stream id up to which was looked, 'more' | 'open', {stream id, type, job, place, JSON detail, result or ''}…}
--       The first type is `reset`, without job, place and detail, where events after the known one are lost.
local tenant, after, look = ARGV[1], ARGV[2], tonumber(ARGV[3])
local newest = redis.call('XREVRANGE', FEED, '+', '-', 'COUNT', 1)[1]
if after == '' or not newest then return { newest and newest[1] or '0-0', 'open' } end

local items, bytes, looked, last = {}, 0, 0, after
local oldest = redis.call('XRANGE', FEED, '-', '+', 'COUNT', 1)[1][1]
if not is_past(after, now_us()) or (is_later(after, '0') and is_later(oldest, after)) then
  last = id_before(oldest)
  items[1] = { last, 'reset', '', '', '', '' }
end
for _, entry in ipairs(redis.call('XRANGE', FEED, '(' .. last, '+', 'COUNT', look)) do
  local job, place, kind, detail = entry[2][2], entry[2][4], entry[2][6], entry[2][8]
  looked, last = looked + 1, entry[1]
  if string.match(place, '^[^:]*') == tenant then
    local result = kind == 'job.succeeded' and redis.call('HGET', job_key(job), 'result') or ''
    items[#items + 1] = { last, kind, job, place, detail, result }
    bytes = bytes + #detail + #result
    if bytes >= tonumber(ARGV[4]) then break end
  end
end
return { last, is_later(newest[1], last) and 'more' or 'open', unpack(items) }
