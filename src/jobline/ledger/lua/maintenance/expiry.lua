-- Duty: remove finished jobs and files whose TTL is over.

local function expire_jobs(work)
  local removals = {}
  for _, id in ipairs(take_due(work, FINISHED)) do
    local job = load_job(id)
    if job then forget(job, work.retention, removals) else remove_sorted(removals, FINISHED, id) end
  end
  write_removals(removals)
end

local function expire_files(work)
  for _, file in ipairs(take_due(work, FILES)) do
    local tenant = redis.call('HGET', file_key(file), 'tenant')
    delete_file(file)
    if tenant then leave_tombstone(file, 'file', tenant, work.retention) end
  end
end
