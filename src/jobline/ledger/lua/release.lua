-- release: a worker that stops hands its running jobs back, to the front of their queue; the attempt does not count.
-- ARGV 1… retention, then pairs id, fence
-- reply the ids that were handed back or revoked
-- event job.retrying | job.revoked
local ms, retention = math.floor(now_us() / 1000), read_retention(1)
local released = {}
for index = 4, #ARGV, 2 do
  local job = load_job(ARGV[index])
  if job and job.state == 'STARTED' and whole(job.fence) == ARGV[index + 1] then
    give_back(job, ms, retention)
    released[#released + 1] = job.id
  end
end
return released
