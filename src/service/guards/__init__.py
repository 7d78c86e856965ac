"""The ASGI wrappers that every request passes: limits, request ID, access key, scope, rate limit."""
