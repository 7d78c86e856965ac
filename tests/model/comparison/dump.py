"""The whole ledger in one call, and how its values are read."""

from __future__ import annotations

from jobline.ledger.keys import DEFAULT_PREFIX

#: Reads the whole ledger in one call.
DUMP = """
local found = {}
for _, key in ipairs(redis.call('KEYS', 'PREFIX*')) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
  elseif kind == 'set' then value = redis.call('SMEMBERS', key)
  elseif kind == 'list' then value = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'string' then value = { redis.call('GET', key) }
  else value = {} end
  found[#found + 1] = { key, value }
end
return found
""".replace("PREFIX", DEFAULT_PREFIX)


def members(flat: list[bytes]) -> set[str]:
    """Read a set."""
    return {one.decode() for one in flat}


def strings(flat: list[bytes]) -> list[tuple[str, str]]:
    """Read a flat list of pairs."""
    return [(flat[index].decode(), flat[index + 1].decode()) for index in range(0, len(flat), 2)]


def scores(flat: list[bytes]) -> dict[str, int]:
    """Read a sorted set."""
    return {name: int(float(score)) for name, score in strings(flat)}
