-- release: a worker that stops hands its running jobs back, to the front of their queue; the attempt does not count.
-- ARGV 1 ttl_ms, 2 file_ttl_ms, then pairs id, fence
-- reply the ids that were handed back or revoked
-- event job.retrying | job.revoked
local ms = math.floor(now_us() / 1000)
local released = {}
for index = 3, #ARGV, 2 do
  local job = load_job(ARGV[index])
  if job and job.state == 'STARTED' and whole(job.fence) == ARGV[index + 1] then
    redis.call('ZREM', LEASES, job.id)
    redis.call('HINCRBY', job_key(job.id), 'fence', 1)
    released[#released + 1] = job.id
    if job.cancel then
      revoke_cancelled(job, ms, tonumber(ARGV[1]), tonumber(ARGV[2]))
    else
      job.attempt = job.attempt - 1
      move(job, job.attempt == 0 and 'PENDING' or 'RETRY', 'attempt', job.attempt)
      redis.call('HDEL', job_key(job.id), 'owner', 'started', 'progress')
      if job.start_by and job.attempt == 0 then redis.call('ZADD', START_BY, job.start_by, job.id) end
      requeue(job, job.stamp)
      emit(job, 'job.retrying', '{"attempt":' .. job.attempt .. ',"released":true}')
    end
  end
end
return released
