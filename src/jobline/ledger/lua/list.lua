-- list: one page of jobs, newest first.
-- ARGV 1… the filter, as read_filter reads it; its limit is the maximum number of jobs in the page
-- reply {items, stamp to go on from or ''}; an item is {id, record without input and result}
local FIELDS = { 'state', 'partition', 'stamp', 'priority', 'attempt', 'max_attempts', 'cancel', 'tags', 'retry_of',
  'run_at', 'start_by', 'started', 'finished', 'progress', 'error', 'batch' }
local filter, items = read_filter(1), {}

local function add(id)
  local values = redis.pcall('HMGET', job_key(id), unpack(FIELDS))
  if not values[1] then return false end
  local record = {}
  for index, name in ipairs(FIELDS) do
    if values[index] then record[#record + 1], record[#record + 2] = name, values[index] end
  end
  items[#items + 1] = { id, record }
  return #items == filter.limit
end

local last = walk_jobs(filter, add)
return { items, last }
