-- The indexes by which jobs are listed: one sorted set of stamps for each state and partition (tenant, task and queue), and
-- one more beside it for each tag. A job is in exactly one INDEX, that of its state and partition.

-- Adds a member to a sorted set; returns whether it is the first addition to that set.
-- For many jobs at once the caller passes a table as `additions`: what is added to one set is collected there and written
-- by write_additions, for a call costs more than a member.
local function add_sorted(additions, key, score, id)
  if not additions then
    redis.call('ZADD', key, score, id)
    return true
  end
  local words = additions[key]
  if words then
    words[#words + 1], words[#words + 2] = score, id
    return false
  end
  additions[key] = { score, id }
  return true
end

local function write_additions(additions)
  for key, words in pairs(additions) do redis.call('ZADD', key, unpack(words)) end
end

-- Removes a member from a sorted set, or collects it in `removals` for write_removals.
local function remove_sorted(removals, key, id)
  if not removals then
    redis.call('ZREM', key, id)
  elseif removals[key] then
    table.insert(removals[key], id)
  else
    removals[key] = { id }
  end
end

local function write_removals(removals)
  for key, ids in pairs(removals) do redis.call('ZREM', key, unpack(ids)) end
end

-- Reads the tags of a record; none where no script wrote them.
local function read_tags(text)
  local is_json, tags = pcall(cjson.decode, text)
  return is_json and type(tags) == 'table' and tags or {}
end

local function add_to_indexes(job, state, additions)
  if add_sorted(additions, index_key(state, job.partition), job.stamp, job.id) then
    redis.call('SADD', indexes_key(job.tenant), state .. ':' .. job.partition)
  end
  if job.tags then
    for _, tag in ipairs(read_tags(job.tags)) do
      add_sorted(additions, tag_index_key(state, job.partition, tag), job.stamp, job.id)
    end
  end
end

-- Leaves the name of an empty index in INDEXES: list removes it when it finds nothing there.
local function remove_from_indexes(job, removals)
  remove_sorted(removals, index_key(job.state, job.partition), job.id)
  if job.tags then
    for _, tag in ipairs(read_tags(job.tags)) do
      remove_sorted(removals, tag_index_key(job.state, job.partition, tag), job.id)
    end
  end
end
