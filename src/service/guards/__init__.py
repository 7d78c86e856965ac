"""What every request passes before a route sees it: hardening, keys, scopes, limits."""
