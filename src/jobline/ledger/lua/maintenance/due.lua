-- Duty: let scheduled jobs and retries wait as soon as they are due, queue by queue; and drop the counts of empty queues.

local function enqueue_due(work)
  local depths = redis.call('HGETALL', QUEUES)
  for index = 1, #depths, 2 do
    local queue, depth = depths[index], tonumber(depths[index + 1])
    local due = due_key(queue)
    local ids = take_due(work, due)
    for _, id in ipairs(ids) do
      redis.call('ZREM', due, id)
      local job = load_job(id)
      if job and (job.state == 'PENDING' or job.state == 'RETRY') then
        work.us = next_stamp(work.us)
        enqueue(job, work.us)
      end
    end
    if #ids > 0 then wake(queue, #ids) end
    if depth <= 0 then
      redis.call('HDEL', QUEUES, queue)
      redis.call('DEL', rotation_key(queue), wake_key(queue))
    end
  end
end
