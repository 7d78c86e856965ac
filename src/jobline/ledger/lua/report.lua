-- report: the running attempt tells its progress, or adds a line to its log.
-- ARGV 1 id, 2 fence, 3 progress | log, 4 JSON
-- reply {'late'} | {'noted', '1' where somebody asked to cancel, else ''}
-- event job.progress | job.log
local v = redis.call('HMGET', job_key(ARGV[1]), 'state', 'fence', 'cancel', 'place', 'watchers', 'attempt',
  'batch')
if v[1] ~= 'STARTED' or v[2] ~= ARGV[2] then return { 'late' } end
if ARGV[3] == 'progress' then redis.call('HSET', job_key(ARGV[1]), 'progress', ARGV[4]) end
emit({ id = ARGV[1], place = v[4], watchers = v[5], batch = v[7] }, 'job.' .. ARGV[3],
  '{"attempt":' .. v[6] .. ',"' .. ARGV[3] .. '":' .. ARGV[4] .. '}')
return { 'noted', v[3] or '' }
