-- read: one job's record; and, where a process is named, its wish to be told of every event until the end. The submit
-- that made the job and is answered with its end has that noted, for those that repeat it.
-- ARGV 1 id, 2 tenant, 3 watching process or '', 4 whether to note what is answered: '1' or ''
-- reply {'found', record} | {'unknown'} | {'gone'}
local id, tenant = ARGV[1], ARGV[2]
local job = load_job(id)
if not job or job.tenant ~= tenant then
  return { redis.call('GET', gone_key(id)) == tenant and 'gone' or 'unknown' }
end
if FINAL_EVENT[job.state] then
  local until_ms = redis.call('ZSCORE', FINISHED, id)
  if not until_ms or tonumber(until_ms) <= now_us() / 1000 then return { 'gone' } end
  if ARGV[4] ~= '' then
    past_full()
    redis.call('HSET', job_key(id), 'answered', '1')
  end
elseif ARGV[3] ~= '' then
  past_full()
  add_watcher(job, ARGV[3])
end
return { 'found', redis.call('HGETALL', job_key(id)) }
