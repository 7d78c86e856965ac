-- What follows a transition, within the same script: everything else in the ledger that hangs on a job's state.
--
-- This is the one place to add to. follow_end is called once in a job's life, by finish in transitions.lua, whichever verb
-- ends the job; a thing that must happen when a job ends gets a function and a line there.

local function update_batch(job, previous)
  redis.call('HINCRBY', batch_key(job.batch), previous, -1)
  redis.call('HINCRBY', batch_key(job.batch), job.state, 1)
end

-- Counts the jobs that end in one minute, by their queue.
local function count_ended(job, ms)
  local minute = whole(math.floor(ms / 60000))
  if redis.call('HINCRBY', ended_key(minute), job.queue, 1) == 1 then
    redis.call('PEXPIRE', ended_key(minute), RATES_KEPT_MS)
  end
end

-- Follows every transition: `previous` is the state that the job left.
local function follow_transition(job, previous)
  if job.batch then update_batch(job, previous) end
  if job.permits and job.state ~= 'STARTED' then release_permits(job) end
end

-- Follows the last transition. The job's final event is in the feed already, because its id is in the record.
local function follow_end(job, previous, event, detail, result, ms, retention)
  notify_subscribers(job, event, FINAL_EVENT[job.state], detail, result)
  follow_transition(job, previous)
  redis.call('ZADD', FINISHED, whole(ms + retention.result_ms), job.id)
  count_ended(job, ms)
  if job.files then release_files(job.files, ms + retention.file_ms) end
end
