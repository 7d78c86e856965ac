-- Uploaded files and artifacts: their references, and their removal. `refs` counts the unfinished jobs that name a file;
-- `job` is the job that made an artifact. Only a file with neither is in FILES, by the time at which it expires.

-- Keeps a file while an unfinished job names it.
local function keep_files(files)
  for file in string.gmatch(files, '%S+') do
    redis.call('HINCRBY', file_key(file), 'refs', 1)
    redis.call('ZREM', FILES, file)
  end
end

-- Lets the files of a finished job expire, if no other job needs them.
local function release_files(files, expires_ms)
  for file in string.gmatch(files, '%S+') do
    if redis.call('EXISTS', file_key(file)) == 1 and redis.call('HINCRBY', file_key(file), 'refs', -1) <= 0
      and not redis.call('HGET', file_key(file), 'job') then
      redis.call('ZADD', FILES, whole(expires_ms), file)
    end
  end
end

-- Removes a file's record; a worker deletes the bytes.
local function delete_file(file)
  redis.call('DEL', file_key(file))
  redis.call('ZREM', FILES, file)
  redis.call('SADD', TRASH, file)
end

-- Returns what a submit replies when one of the files (ids separated by spaces) is missing.
local function find_missing_file(files, tenant)
  if not files or files == '' then return nil end
  for file in string.gmatch(files, '%S+') do
    if redis.call('EXISTS', file_key(file)) == 0 then
      return { why_missing(file, 'file', tenant) == 'gone' and 'gone-file' or 'no-file', file }
    end
  end
end
