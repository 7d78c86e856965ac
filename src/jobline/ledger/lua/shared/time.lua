-- Time, numbers, and writes on a full Redis.
--
-- Redis' own TIME is the only clock. Times are milliseconds. Stamps are microseconds, unique and rising: the order in
-- which the ledger took its jobs.

local function now_us()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

-- Writes a whole number with all its digits. Lua's own conversion keeps 14 of them. `%.0f` takes three times as long for
-- each as `%d`, which has 64 bits wherever Redis is built for them.
local function whole(number) return string.format('%d', number) end

-- Returns the first of `count` stamps in a row, or one stamp. The very first one also stores the version of the layout:
-- a connection that was open before somebody emptied Redis does not check it again.
local function next_stamp(us, count)
  local last = tonumber(redis.call('GET', CLOCK) or 0)
  if last == 0 then redis.call('SET', VERSION, LAYOUT_VERSION) end
  if us <= last then us = last + 1 end
  redis.call('SET', CLOCK, whole(us + (count or 1) - 1))
  return us
end

-- Lets a script write although Redis is full. Redis checks its memory limit only before a script's first write, and this
-- write frees memory instead of taking it.
local function write_when_full() redis.call('UNLINK', NOTHING) end
