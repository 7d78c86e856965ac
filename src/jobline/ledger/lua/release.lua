-- release: a worker that stops returns its running jobs to the front of their queue; the attempts do not count.
-- ARGV 1… retention, then pairs id, fence
-- reply the ids that were released or revoked
-- event job.retrying | job.revoked
local ms, retention = math.floor(now_us() / 1000), read_retention(1)
local released = {}
for index = 4, #ARGV, 2 do
  local job = load_current(ARGV[index], ARGV[index + 1])
  if job then
    release_attempt(job, ms, retention)
    released[#released + 1] = job.id
  end
end
return released
