"""The record of all jobs in Redis. No other package knows a key, a script or a field of it.

Its language: `keys` and the layout that makes them, `scripts` and ``lua/``, `commands` (which script, which
arguments, how to read the reply; no I/O). Its connections, all made by `connect`: `store.Store` for code that
awaits, `recorder.Recorder` for code that blocks, `subscription` for what is published for one process, and
`feed` for the events of all jobs.
"""
