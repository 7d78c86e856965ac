-- Events: where they stand, who is told of them, how they are ordered.

-- A job's history: its milestones stand in its record, by the ids of their events (`born`, `began`, `ended`), for every
-- job has them; what comes between the start of its first attempt and its end stands in EVENTS, and most jobs have
-- nothing there. `cut` says that EVENTS was trimmed.
local CREATED_DETAIL = '{}'
local BEGAN_DETAIL = '{"attempt":1}'
local function ended_detail(attempt, error)
  return '{"attempt":' .. attempt .. (error and ',"error":' .. error or '') .. '}'
end

-- An entry of the feed is one field, for each word of a call costs more than to cut a line where it is read:
-- `<type> <job> <place> <batch, or nothing> <detail>`.
local function write_entry(job, kind, detail)
  return kind .. ' ' .. job.id .. ' ' .. job.place .. ' ' .. (job.batch or '') .. ' ' .. detail
end

local function read_entry(fields) return string.match(fields[2], '^(%S+) (%S+) (%S+) (%S*) (.*)$') end

-- Appends an event of one of many jobs, which nobody watches yet: after the last of them, trim_feed. Gives its id.
local function append_event(job, kind, detail)
  return redis.call('XADD', FEED, '*', 'event', write_entry(job, kind, detail))
end

local function trim_feed() redis.call('XTRIM', FEED, 'MAXLEN', '~', FEED_KEPT) end

-- Appends an event to the feed, and tells the processes that watch the job; these learn the result as well, which is
-- stored once, in the record. Gives the event's id, which the caller stores.
local function announce(job, kind, detail, result)
  local event = redis.call('XADD', FEED, 'MAXLEN', '~', FEED_KEPT, '*', 'event', write_entry(job, kind, detail))
  if job.watchers then
    for process in string.gmatch(job.watchers, '%S+') do
      redis.call('PUBLISH', tell_key(process), job.id .. ' ' .. event .. ' ' .. kind .. ' ' .. job.place .. ' ' .. detail
        .. (result and '\n' .. result or ''))
    end
  end
  return event
end

-- Announces an event that is no milestone, and appends it to the job's history.
local function emit(job, kind, detail)
  local line = announce(job, kind, detail) .. ' ' .. kind .. ' ' .. detail
  if redis.call('RPUSH', events_key(job.id), line) > EVENTS_KEPT then
    redis.call('LTRIM', events_key(job.id), -EVENTS_KEPT, -1)
    redis.call('HSET', job_key(job.id), 'cut', '1')
  end
end

-- Stream ids, `<milliseconds>-<sequence>`; a line of EVENTS begins with one.
local function split_id(id)
  local ms, sequence = string.match(id, '^(%d+)-?(%d*)')
  return tonumber(ms), tonumber(sequence) or 0
end

local function is_later(id, other)
  local ms, sequence = split_id(id)
  local other_ms, other_sequence = split_id(other)
  return ms > other_ms or (ms == other_ms and sequence > other_sequence)
end

-- Whether an id, or none, is of the past: a later one is of another ledger, or of what this one lost.
local function is_past(id, us) return id == '' or split_id(id) <= us / 1000 + TICK_GAP_MS end

-- The id below another, which no event has: the one after it would be the other.
local function id_before(id)
  local ms, sequence = split_id(id or '1')
  if sequence > 0 then return whole(ms) .. '-' .. whole(sequence - 1) end
  return whole(ms - 1) .. '-9007199254740991'
end
