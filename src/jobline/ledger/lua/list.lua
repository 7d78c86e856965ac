-- list: one page of jobs, newest first.
-- ARGV 1 tenant, then for the filter: stamp below which the page begins or '', stamp at and above which it ends or '',
--      states separated by spaces, task, queue, tag, batch ('' where any will do), the most jobs of a page
-- reply {items, stamp to go on from or ''}; an item is {id, record without input and result}
local FIELDS = { 'state', 'place', 'stamp', 'priority', 'attempt', 'max_attempts', 'cancel', 'tags', 'retry_of',
  'run_at', 'start_by', 'started', 'finished', 'progress', 'error', 'batch' }
local filter, items = read_filter(1), {}

local function add(id)
  local values = redis.call('HMGET', job_key(id), unpack(FIELDS))
  if not values[1] then return false end
  local record = {}
  for index, name in ipairs(FIELDS) do
    if values[index] then
      record[#record + 1] = name
      record[#record + 1] = values[index]
    end
  end
  items[#items + 1] = { id, record }
  return #items == filter.limit
end

local last = walk_jobs(filter, add)
return { items, last }
