-- read: one job's record. A named process receives every event of the job from now on, until the job ends.
-- ARGV 1 id, 2 tenant, 3 subscribing process or '', 4 note: '1' where the submit that created the job is answered with
--      its end, which the record notes for the replays of that submit; else ''
-- reply {'found', record} | {'unknown'} | {'gone'}
local id, tenant, subscriber = ARGV[1], ARGV[2], ARGV[3]
local job = load_job(id)
if not job or job.tenant ~= tenant then return { why_missing(id, 'job', tenant) } end
if FINAL_EVENT[job.state] then
  local expires_ms = redis.call('ZSCORE', FINISHED, id)
  if not expires_ms or tonumber(expires_ms) <= now_us() / 1000 then return { 'gone' } end
  if ARGV[4] ~= '' then
    write_when_full()
    redis.call('HSET', job_key(id), 'answered', '1')
  end
elseif subscriber ~= '' then
  write_when_full()
  subscribe(job, subscriber)
end
return { 'found', redis.call('HGETALL', job_key(id)) }
