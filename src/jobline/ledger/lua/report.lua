-- report: stores the progress of the running attempt, or adds a line to its log.
-- ARGV 1 id, 2 fence, 3 progress | log, 4 JSON
-- reply {'late'} | {'reported', '1' where the job should stop, else ''}
-- event job.progress | job.log
local id, fence, kind, content = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local state, current, cancel, partition, subscribers, attempt, batch = unpack(
  redis.call('HMGET', job_key(id), 'state', 'fence', 'cancel', 'partition', 'subscribers', 'attempt', 'batch'))
if state ~= 'STARTED' or current ~= fence then return { 'late' } end
if kind == 'progress' then redis.call('HSET', job_key(id), 'progress', content) end
emit({ id = id, partition = partition, subscribers = subscribers, batch = batch }, 'job.' .. kind,
  '{"attempt":' .. attempt .. ',"' .. kind .. '":' .. content .. '}')
return { 'reported', cancel or '' }
