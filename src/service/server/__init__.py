"""uvicorn with Jobline's additions: limits, joined writes, deferred answers, a clean shutdown."""
