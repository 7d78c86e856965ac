-- Which jobs fit a filter, newest first; for every verb that walks them.
--
-- Shelves stand by stamp, so the newest of several is a merge: their newest jobs, one by one from the shelf with the
-- newest head, which a heap finds. A tag has shelves of its own beside each of them, so that no filter reads what it
-- does not want. A batch's jobs are those of a row of stamps.

local function fits(word, wanted) return wanted == '' or string.find(' ' .. wanted .. ' ', ' ' .. word .. ' ', 1, true) end

local function find_shelves(filter)
  local heads = {}
  for _, name in ipairs(redis.call('SMEMBERS', shelves_key(filter.tenant))) do
    local state, place, task, queue = string.match(name, '^([^:]*):([^:]*:([^:]*):([^:]*))$')
    if fits(state, filter.states) and fits(task, filter.task) and fits(queue, filter.queue) then
      local shelf = filter.tag == '' and shelf_key(state, place) or tag_key(state, place, filter.tag)
      heads[#heads + 1] = { shelf = shelf, name = filter.tag == '' and name, ahead = {}, next = 1, count = 1 }
    end
  end
  return heads
end

-- Goes to a shelf's next job, below the one it was at; nil at its end. Reads ahead, twice as far each time: most shelves
-- give a page nothing beyond their first job. That one, where nothing bounds it, is the last of the set at no cost.
local function advance(head, filter)
  local ahead, below = head.ahead, head.stamp or filter.below
  if head.next > #ahead then
    if below then
      ahead = redis.call('ZREVRANGEBYSCORE', head.shelf, '(' .. whole(below), filter.least and whole(filter.least) or '-inf',
        'WITHSCORES', 'LIMIT', 0, head.count)
    else
      ahead = redis.call('ZREVRANGE', head.shelf, 0, 0, 'WITHSCORES')
      if ahead[1] and filter.least and tonumber(ahead[2]) < filter.least then ahead = {} end
    end
    head.ahead, head.next, head.count = ahead, 1, 2 * head.count
  end
  head.id, head.stamp, head.next = ahead[head.next], tonumber(ahead[head.next + 1]), head.next + 2
  return head.id
end

-- Moves a head down to its place in the heap, whose first is the newest.
local function sink(heads, count, place)
  local head = heads[place]
  while 2 * place <= count do
    local child = 2 * place
    if child < count and heads[child + 1].stamp > heads[child].stamp then child = child + 1 end
    if heads[child].stamp <= head.stamp then break end
    heads[place], place = heads[child], child
  end
  heads[place] = head
end

local function open_shelves(filter)
  local heads, count = {}, 0
  for _, head in ipairs(find_shelves(filter)) do
    if advance(head, filter) then
      count = count + 1
      heads[count] = head
    elseif head.name and redis.call('EXISTS', head.shelf) == 0 then
      redis.call('SREM', shelves_key(filter.tenant), head.name)
    end
  end
  for place = math.floor(count / 2), 1, -1 do sink(heads, count, place) end
  return heads, count
end

-- Bounds a filter by the stamps of its batch; false where the tenant has no such batch.
local function narrow_to_batch(filter)
  local v = redis.call('HMGET', batch_key(filter.batch), 'tenant', 'stamp', 'total')
  if v[1] ~= filter.tenant then return false end
  local first, past = tonumber(v[2]), tonumber(v[2]) + tonumber(v[3])
  filter.below, filter.least = math.min(filter.below or past, past), math.max(filter.least or first, first)
  return true
end

-- Calls visit(id) for each job that fits, until it answers true; gives the stamp to go on from, '' at the end.
-- filter: tenant, below and least (stamps, or nil), states (separated by spaces), task, queue, tag, batch; '' where any
-- will do. A visit may move the job it is given to a state that does not fit.
local function walk_jobs(filter, visit)
  if filter.batch ~= '' and not narrow_to_batch(filter) then return '' end
  local heads, count = open_shelves(filter)
  while count > 0 do
    local head = heads[1]
    local id, stamp = head.id, head.stamp
    if not advance(head, filter) then heads[1], count = heads[count], count - 1 end
    if count > 1 then sink(heads, count, 1) end
    if visit(id) then return count > 0 and whole(stamp) or '' end
  end
  return ''
end

-- Reads a filter of nine arguments from ARGV[first] on: tenant, stamp below which it begins or '', stamp at and above
-- which it ends or '', states, task, queue, tag, batch, the most jobs to visit.
local function read_filter(first)
  return { tenant = ARGV[first], below = tonumber(ARGV[first + 1]), least = tonumber(ARGV[first + 2]),
    states = ARGV[first + 3], task = ARGV[first + 4], queue = ARGV[first + 5], tag = ARGV[first + 6],
    batch = ARGV[first + 7], limit = tonumber(ARGV[first + 8]) }
end
