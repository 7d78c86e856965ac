-- One tick's work: what all duties share. Each duty does at most TICK_BATCH things, so a tick is short; `work.more` is '1'
-- where a duty has more to do, and the worker ticks again at once.

-- Returns the members of a sorted set of times whose time has come, at most TICK_BATCH of them.
local function take_due(work, key)
  local members = redis.call('ZRANGEBYSCORE', key, '-inf', whole(work.ms), 'LIMIT', 0, TICK_BATCH)
  if #members == TICK_BATCH then work.more = '1' end
  return members
end
