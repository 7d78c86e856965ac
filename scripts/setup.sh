#!/bin/sh
# Install the dependencies of one lock (the argument), and this project, into .venv.
#
# Needs nothing but Python 3.11 or newer with venv and pip; takes uv where there is one, as it is faster,
# and pip where uv cannot reach its index (it reads none of pip's settings).
set -eu

lock=$1

is_recent() {
    "$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
        if is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "Jobline needs Python 3.11 or newer with its venv module; set PYTHON=/path/to/python." >&2
    return 1
}

install_with_uv() {
    command -v uv >/dev/null 2>&1 || return 1
    # Trust what the system trusts, as pip does; the older name is for older uv.
    export UV_SYSTEM_CERTS=1
    uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock" &&
        uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
}

install_with_pip() {
    pip=".venv/bin/python -m pip -qq --disable-pip-version-check"
    $pip install --no-deps --require-hashes -r "$lock"
    # A lock is whole, so nothing is to be resolved; and it has the build backend, so that without isolation
    # nothing unpinned is fetched to build with.
    $pip install --no-deps --no-build-isolation -e .
}

python=$(find_python)
if ! is_recent .venv/bin/python; then
    echo "Installing into .venv (a minute, once) ..."
    "$python" -m venv --clear .venv || {
        echo "No virtual environment could be made; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    }
else
    echo "Updating .venv ..."
fi
install_with_uv || install_with_pip
