-- Which jobs fit a filter, newest first; for every verb that walks over jobs.
--
-- An index is in the order of the stamps, so the newest jobs of several indexes are a merge: a heap finds the index with
-- the newest head, job by job. A tag has indexes of its own, and a batch's jobs have the stamps of a row, so no filter
-- reads a job that it does not want.

local function fits(word, wanted) return wanted == '' or string.find(' ' .. wanted .. ' ', ' ' .. word .. ' ', 1, true) end

-- Lists the indexes that may have jobs of the filter, each with a cursor.
local function find_cursors(filter)
  local cursors = {}
  for _, name in ipairs(redis.call('SMEMBERS', indexes_key(filter.tenant))) do
    local state, partition, task, queue = string.match(name, '^([^:]*):([^:]*:([^:]*):([^:]*))$')
    if state and fits(state, filter.states) and fits(task, filter.task) and fits(queue, filter.queue) then
      local key = filter.tag == '' and index_key(state, partition) or tag_index_key(state, partition, filter.tag)
      cursors[#cursors + 1] = { key = key, name = filter.tag == '' and name, page = {}, next = 1, count = 1 }
    end
  end
  return cursors
end

-- Moves a cursor to the next job, which is older; nil at the end of the index. Reads ahead, twice as far each time, because
-- most indexes give a page nothing beyond their first job. An unbounded first job is the last of its set, at no cost.
local function advance(cursor, filter)
  local page, below = cursor.page, cursor.stamp or filter.below
  if cursor.next > #page then
    if below then
      page = redis.call('ZREVRANGEBYSCORE', cursor.key, '(' .. whole(below), filter.least and whole(filter.least) or '-inf',
        'WITHSCORES', 'LIMIT', 0, cursor.count)
    else
      page = redis.call('ZREVRANGE', cursor.key, 0, 0, 'WITHSCORES')
      if page[1] and filter.least and tonumber(page[2]) < filter.least then page = {} end
    end
    cursor.page, cursor.next, cursor.count = page, 1, 2 * cursor.count
  end
  cursor.id, cursor.stamp, cursor.next = page[cursor.next], tonumber(page[cursor.next + 1]), cursor.next + 2
  return cursor.id
end

-- Restores the order of a heap below one node; the cursor with the newest job is the first.
local function sift_down(heap, count, node)
  local cursor = heap[node]
  while 2 * node <= count do
    local child = 2 * node
    if child < count and heap[child + 1].stamp > heap[child].stamp then child = child + 1 end
    if heap[child].stamp <= cursor.stamp then break end
    heap[node], node = heap[child], child
  end
  heap[node] = cursor
end

local function open_heap(filter)
  local heap, count = {}, 0
  for _, cursor in ipairs(find_cursors(filter)) do
    if advance(cursor, filter) then
      count = count + 1
      heap[count] = cursor
    elseif cursor.name and redis.call('EXISTS', cursor.key) == 0 then
      redis.call('SREM', indexes_key(filter.tenant), cursor.name)
    end
  end
  for node = math.floor(count / 2), 1, -1 do sift_down(heap, count, node) end
  return heap, count
end

-- Bounds a filter by the stamps of its batch; false where the tenant has no such batch.
local function narrow_to_batch(filter)
  local tenant, stamp, total = unpack(redis.call('HMGET', batch_key(filter.batch), 'tenant', 'stamp', 'total'))
  if tenant ~= filter.tenant then return false end
  local first, past = tonumber(stamp), tonumber(stamp) + tonumber(total)
  filter.below, filter.least = math.min(filter.below or past, past), math.max(filter.least or first, first)
  return true
end

-- Calls visit(id) for each job that fits until it returns true. Returns the stamp to go on from, '' at the end. A visit may
-- move its job to a state that does not fit. The fields of a filter: tenant, below and least (stamps or nil), states
-- (separated by spaces), task, queue, tag, batch; '' fits any.
local function walk_jobs(filter, visit)
  if filter.batch ~= '' and not narrow_to_batch(filter) then return '' end
  local heap, count = open_heap(filter)
  while count > 0 do
    local cursor = heap[1]
    local id, stamp = cursor.id, cursor.stamp
    if not advance(cursor, filter) then heap[1], count = heap[count], count - 1 end
    if count > 1 then sift_down(heap, count, 1) end
    if visit(id) then return count > 0 and whole(stamp) or '' end
  end
  return ''
end

-- Reads a filter of nine arguments from ARGV[first] on: tenant, stamp below which it begins or '', stamp at and above
-- which it ends or '', states, task, queue, tag, batch, maximum number of visits.
local function read_filter(first)
  local tenant, below, least, states, task, queue, tag, batch, limit = unpack(ARGV, first, first + 8)
  return { tenant = tenant, below = tonumber(below), least = tonumber(least), states = states, task = task, queue = queue,
    tag = tag, batch = batch, limit = tonumber(limit) }
end
