-- Events: where they are stored, which processes receive them, how their ids are ordered.
--
-- The feed holds all events for a while. A job's own history is kept apart: the ids of its milestones (`created_event`,
-- `started_event`, `ended_event`) are fields of its record, because every job has them; the events between the start of
-- its first attempt and its end are in EVENTS, and most jobs have none there. `trimmed` marks a record whose EVENTS lost
-- their oldest lines.

local CREATED_DETAIL = '{}'
local STARTED_DETAIL = '{"attempt":1}'
local FINAL_EVENT = { SUCCESS = 'job.succeeded', FAILURE = 'job.failed', REVOKED = 'job.revoked' }

local function ended_detail(attempt, error)
  return '{"attempt":' .. attempt .. (error and ',"error":' .. error or '') .. '}'
end

-- An entry of the feed has one field, because each word of a call costs more than splitting a line where it is read:
-- `<type> <job> <partition> <batch, or nothing> <detail>`.
local function write_entry(job, kind, detail)
  return kind .. ' ' .. job.id .. ' ' .. job.partition .. ' ' .. (job.batch or '') .. ' ' .. detail
end

-- Reads an entry as XRANGE returns it, { id, { 'event', line } }.
local function read_entry(entry) return string.match(entry[2][2], '^(%S+) (%S+) (%S+) (%S*) (.*)$') end

-- Appends an event to the feed and returns its id, which the caller stores.
local function append_event(job, kind, detail)
  return redis.call('XADD', FEED, 'MAXLEN', '~', FEED_KEPT, '*', 'event', write_entry(job, kind, detail))
end

-- Appends one of many events; trim_feed follows the last of them.
local function append_untrimmed(job, kind, detail)
  return redis.call('XADD', FEED, '*', 'event', write_entry(job, kind, detail))
end

local function trim_feed() redis.call('XTRIM', FEED, 'MAXLEN', '~', FEED_KEPT) end

-- Sends an event to the processes that subscribed to the job; and the result with it, which is stored once, in the record.
local function notify_subscribers(job, event, kind, detail, result)
  if not job.subscribers then return end
  local message = job.id .. ' ' .. event .. ' ' .. kind .. ' ' .. job.partition .. ' ' .. detail
    .. (result and '\n' .. result or '')
  for process in string.gmatch(job.subscribers, '%S+') do redis.call('PUBLISH', channel_key(process), message) end
end

-- Appends an event, and sends it to the subscribers; returns its id.
local function publish_event(job, kind, detail)
  local event = append_event(job, kind, detail)
  notify_subscribers(job, event, kind, detail)
  return event
end

-- Publishes an event that is no milestone, and appends it to the job's history.
local function emit(job, kind, detail)
  local line = publish_event(job, kind, detail) .. ' ' .. kind .. ' ' .. detail
  if redis.call('RPUSH', events_key(job.id), line) > EVENTS_KEPT then
    redis.call('LTRIM', events_key(job.id), -EVENTS_KEPT, -1)
    redis.call('HSET', job_key(job.id), 'trimmed', '1')
  end
end

-- Sends the job's events to a process from now on, until the job ends.
local function subscribe(job, process)
  local known = job.subscribers
  if known and string.find(' ' .. known .. ' ', ' ' .. process .. ' ', 1, true) then return end
  redis.call('HSET', job_key(job.id), 'subscribers', known and known .. ' ' .. process or process)
end

-- Splits a stream id, `<milliseconds>-<sequence>`; a line of EVENTS begins with one.
local function split_id(id)
  local ms, sequence = string.match(id, '^(%d+)-?(%d*)')
  return tonumber(ms), tonumber(sequence) or 0
end

local function is_later(id, other)
  local ms, sequence = split_id(id)
  if not ms then return true end  -- no line of ours: its reader skips it
  local other_ms, other_sequence = split_id(other)
  return ms > other_ms or (ms == other_ms and sequence > other_sequence)
end

-- Returns whether an id may be one of this ledger. A later one comes from another ledger, or from what this one lost.
local function is_past(id, us) return id == '' or split_id(id) <= us / 1000 + TICK_GAP_MS end

-- Returns the id right before another.
local function id_before(id)
  local ms, sequence = split_id(id or '1')
  if sequence > 0 then return whole(ms) .. '-' .. whole(sequence - 1) end
  return whole(ms - 1) .. '-999999999999999'  -- 15 digits, as the API takes them back
end
