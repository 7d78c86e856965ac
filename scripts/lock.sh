#!/bin/sh
# Write the locks: every package pinned with its hashes for all platforms, and no address of any index.
#
# requirements.lock             what a contributor and the tests install: all extras, all tools
# requirements.runtime.lock     what the container installs: the same pins, without servers and tools
# requirements.dev-server.lock  what `make run` and `make demo` install: those of the container, and a Redis
# sdk/requirements.lock         generators of clients, in an environment of their own
#
# Arguments go to uv: --upgrade renews everything, --upgrade-package NAME one; without, pins are kept.
set -eu

export UV_SYSTEM_CERTS=1
export UV_CUSTOM_COMPILE_COMMAND="make lock"

compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-sources "$@"
}

compile pyproject.toml --all-extras --group dev --output-file requirements.lock "$@"
rm -f requirements.runtime.lock requirements.dev-server.lock
compile pyproject.toml --extra all --group build --constraints requirements.lock \
    --output-file requirements.runtime.lock
compile pyproject.toml --extra all --extra dev-server --group build --constraints requirements.lock \
    --output-file requirements.dev-server.lock
compile sdk/requirements.in --output-file sdk/requirements.lock "$@"
