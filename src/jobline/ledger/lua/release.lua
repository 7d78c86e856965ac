-- release: a worker that stops hands its running jobs back, to the front of their queue; the attempt does not count.
-- ARGV 1 ttl_ms, 2 file_ttl_ms, then pairs id, fence
-- reply the ids that were handed back or revoked
-- event job.retrying | job.revoked
local ms = math.floor(now_us() / 1000)
local released = {}
for index = 3, #ARGV, 2 do
  local job = load_job(ARGV[index])
  if job and job.state == 'STARTED' and whole(job.fence) == ARGV[index + 1] then
    give_back(job, ms, tonumber(ARGV[1]), tonumber(ARGV[2]))
    released[#released + 1] = job.id
  end
end
return released
