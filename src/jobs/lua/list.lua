-- list: one page of jobs, newest first.
-- ARGV 1 tenant, 2 limit, 3 stamp below which the page begins or '', 4 stamp at and above which it ends or '',
--      5 state, 6 task, 7 queue, 8 tag ('' where any will do)
-- reply {items, stamp to go on from or ''}; an item is {id, record without input and result}
local tenant, limit = ARGV[1], tonumber(ARGV[2])
local from = ARGV[3] ~= '' and '(' .. ARGV[3] or '+inf'
local to = ARGV[4] ~= '' and ARGV[4] or '-inf'
local items, last = {}, ''
local FIELDS = { 'state', 'place', 'stamp', 'priority', 'attempt', 'max_attempts', 'cancel', 'tags', 'retry_of',
  'run_at', 'start_by', 'started', 'finished', 'progress', 'error' }

local function add(id, stamp)
  local values = redis.call('HMGET', job_key(id), unpack(FIELDS))
  if not values[1] then return end
  local record = {}
  for index, name in ipairs(FIELDS) do
    if values[index] then
      record[#record + 1] = name
      record[#record + 1] = values[index]
    end
  end
  items[#items + 1] = { id, record }
end

local function fits(word, wanted) return wanted == '' or word == wanted end

local function by_tag()
  local budget = 20 * limit
  local ids = redis.call('ZREVRANGEBYSCORE', tag_key(tenant, ARGV[8]), from, to, 'WITHSCORES', 'LIMIT', 0, budget)
  for index = 1, #ids, 2 do
    local v = redis.call('HMGET', job_key(ids[index]), 'state', 'place')
    if v[1] then
      local _, task, queue = string.match(v[2], '^(.*):(.*):(.*)$')
      if fits(v[1], ARGV[5]) and fits(task, ARGV[6]) and fits(queue, ARGV[7]) then add(ids[index]) end
    end
    last = ids[index + 1]
    if #items == limit then return end
  end
  if #ids < 2 * budget then last = '' end
end

-- Merges the shelves that fit: their newest jobs first, taken one by one from the shelf with the newest head.
local function by_shelf()
  local heads = {}
  local function refill(head)
    local next_id = redis.call('ZREVRANGEBYSCORE', head.shelf, head.from, to, 'WITHSCORES', 'LIMIT', 0, 1)
    head.id, head.stamp, head.from = next_id[1], tonumber(next_id[2]), '(' .. (next_id[2] or '')
    return head.id
  end
  for _, name in ipairs(redis.call('SMEMBERS', shelves_key(tenant))) do
    local state, place = string.match(name, '^([^:]*):(.*)$')
    local _, task, queue = string.match(place, '^(.*):(.*):(.*)$')
    if fits(state, ARGV[5]) and fits(task, ARGV[6]) and fits(queue, ARGV[7]) then
      local head = { shelf = shelf_key(state, place), from = from }
      if refill(head) then
        heads[#heads + 1] = head
      elseif redis.call('EXISTS', head.shelf) == 0 then
        redis.call('SREM', shelves_key(tenant), name)
      end
    end
  end
  while #items < limit and #heads > 0 do
    local newest = 1
    for index = 2, #heads do
      if heads[index].stamp > heads[newest].stamp then newest = index end
    end
    local head = heads[newest]
    add(head.id)
    last = whole(head.stamp)
    if not refill(head) then table.remove(heads, newest) end
  end
  if #heads == 0 then last = '' end
end

if ARGV[8] ~= '' then by_tag() else by_shelf() end
return { items, last }
