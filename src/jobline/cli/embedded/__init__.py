"""A real Redis for development and tests; production brings its own.

It never touches the process or the data of another server: it listens on loopback alone, has a directory of
its own under a lock, and signals one pid.
"""

from jobline.cli.embedded.allocator import server_environment
from jobline.cli.embedded.binary import ServerMissing, find_server
from jobline.cli.embedded.lock import DirectoryLock, DirectoryLocked
from jobline.cli.embedded.parent_death import bind_to_parent
from jobline.cli.embedded.server import EmbeddedRedis, RedisFailed, answering_pid, free_port, server_command

__all__ = [
    "DirectoryLock",
    "DirectoryLocked",
    "EmbeddedRedis",
    "RedisFailed",
    "ServerMissing",
    "answering_pid",
    "bind_to_parent",
    "find_server",
    "free_port",
    "server_command",
    "server_environment",
]
