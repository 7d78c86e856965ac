"""The record of all jobs in Redis: its language (keys, scripts, commands) and its doors.

`store.Store` awaits a command, `recorder.Recorder` waits for it. The service has a Store, a worker has a
Recorder, and its pool of coroutines has both.
"""
