-- Which jobs fit a filter, newest first; for every verb that walks them.
--
-- Shelves stand by stamp, so the newest of several is a merge: their newest jobs, one by one from the shelf with the
-- newest head. A tag has shelves of its own beside each of them, so that no filter reads what it does not want. A
-- batch is small, and is read whole.

local function fits(word, wanted) return wanted == '' or string.find(' ' .. wanted .. ' ', ' ' .. word .. ' ', 1, true) end

local function has_tag(tags, wanted)
  if wanted == '' then return true end
  for _, tag in ipairs(cjson.decode(tags or '[]')) do
    if tag == wanted then return true end
  end
  return false
end

local function walk_batch(filter, visit)
  if redis.call('HGET', batch_key(filter.batch), 'tenant') ~= filter.tenant then return '' end
  local ids = redis.call('ZREVRANGEBYSCORE', batch_jobs_key(filter.batch), filter.from, filter.to, 'WITHSCORES')
  for index = 1, #ids, 2 do
    local v = redis.call('HMGET', job_key(ids[index]), 'state', 'place', 'tags')
    if v[1] then
      local _, task, queue = string.match(v[2], '^(.*):(.*):(.*)$')
      if fits(v[1], filter.states) and fits(task, filter.task) and fits(queue, filter.queue)
        and has_tag(v[3], filter.tag) and visit(ids[index]) then
        return index < #ids - 1 and ids[index + 1] or ''
      end
    end
  end
  return ''
end

local function open_shelves(filter)
  local heads = {}
  for _, name in ipairs(redis.call('SMEMBERS', shelves_key(filter.tenant))) do
    local state, place = string.match(name, '^([^:]*):(.*)$')
    local _, task, queue = string.match(place, '^(.*):(.*):(.*)$')
    if fits(state, filter.states) and fits(task, filter.task) and fits(queue, filter.queue) then
      local head = { shelf = filter.tag == '' and shelf_key(state, place) or tag_key(state, place, filter.tag) }
      heads[#heads + 1] = head
      head.name = filter.tag == '' and name
    end
  end
  return heads
end

-- Calls visit(id) for each job that fits, until it answers true; gives the stamp to go on from, '' at the end.
-- filter: tenant, from and to (as ZREVRANGEBYSCORE takes them), states (separated by spaces), task, queue, tag, batch;
-- '' where any will do. A visit may move the job it is given to a state that does not fit.
local function walk_jobs(filter, visit)
  if filter.batch ~= '' then return walk_batch(filter, visit) end
  local heads = {}
  local function refill(head, from)
    local next_id = redis.call('ZREVRANGEBYSCORE', head.shelf, from, filter.to, 'WITHSCORES', 'LIMIT', 0, 1)
    head.id, head.stamp = next_id[1], tonumber(next_id[2])
    return head.id
  end
  for _, head in ipairs(open_shelves(filter)) do
    if refill(head, filter.from) then
      heads[#heads + 1] = head
    elseif head.name and redis.call('EXISTS', head.shelf) == 0 then
      redis.call('SREM', shelves_key(filter.tenant), head.name)
      if redis.call('EXISTS', shelves_key(filter.tenant)) == 0 then redis.call('SREM', TENANTS, filter.tenant) end
    end
  end
  while #heads > 0 do
    local newest = 1
    for index = 2, #heads do
      if heads[index].stamp > heads[newest].stamp then newest = index end
    end
    local head = heads[newest]
    local id, stamp = head.id, whole(head.stamp)
    if not refill(head, '(' .. stamp) then table.remove(heads, newest) end
    if visit(id) then return #heads > 0 and stamp or '' end
  end
  return ''
end

-- Reads a filter of nine arguments from ARGV[first] on: tenant, stamp below which it begins or '', stamp at and above
-- which it ends or '', states, task, queue, tag, batch, the most jobs to visit.
local function read_filter(first)
  return { tenant = ARGV[first], from = ARGV[first + 1] ~= '' and '(' .. ARGV[first + 1] or '+inf',
    to = ARGV[first + 2] ~= '' and ARGV[first + 2] or '-inf', states = ARGV[first + 3], task = ARGV[first + 4],
    queue = ARGV[first + 5], tag = ARGV[first + 6], batch = ARGV[first + 7], limit = tonumber(ARGV[first + 8]) }
end
