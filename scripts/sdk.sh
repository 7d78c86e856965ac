#!/bin/sh
# Generate clients of docs/openapi.json by six generators into build/sdk, each one again when something that it reads has changed.
#
# python           openapi-python-client (attrs and httpx)
# pydantic         openapi-generator's python (pydantic and urllib3)       needs Java
# typescript-fetch openapi-generator's typescript-fetch                    needs Java; its types are checked by Node
# hey-api          @hey-api/openapi-ts                                     needs Node
# openapi-fetch    openapi-typescript, for openapi-fetch                   needs Node
# swagger-typescript-api                                                   needs Node
#
# Arguments choose some of them; without, all are made. What they need is installed into .venv-sdk and
# sdk/node_modules, pinned. Exit status 3: Java, Node or its registry is missing, and the rest is made.
set -eu
cd "$(dirname "$0")/.."

BIN=.venv-sdk/bin
NODE_MODULES=sdk/node_modules
SPECIFICATION=docs/openapi.json
MISSING=3
SYSTEM_CERTIFICATES=/etc/ssl/certs/ca-certificates.crt

fingerprint() {
    cat "$@" | cksum
}

# True when what is fingerprinted in a file is what the other arguments hold.
is_fresh() {
    stamp=$1
    shift
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint "$@")" ]
}

has_java() {
    java -version >/dev/null 2>&1
}

has_node() {
    command -v npm >/dev/null 2>&1 && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number)
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1
}

install_python() {
    is_fresh .venv-sdk/.installed sdk/requirements.lock && return
    echo "Installing the generators into .venv-sdk (once) ..."
    .venv/bin/python -m venv --clear .venv-sdk
    $BIN/python -m pip -qq --disable-pip-version-check install --no-deps --require-hashes -r sdk/requirements.lock
    fingerprint sdk/requirements.lock >.venv-sdk/.installed
}

install_node() {
    is_fresh $NODE_MODULES/.installed sdk/package-lock.json && return
    echo "Installing the generators into $NODE_MODULES (once) ..."
    # Trust what the system trusts; and where the registry is out of reach, say so soon.
    if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -f "$SYSTEM_CERTIFICATES" ]; then
        export NODE_EXTRA_CA_CERTS="$SYSTEM_CERTIFICATES"
    fi
    npm --prefix sdk ci --silent --fetch-retries 1 --fetch-timeout 20000 ||
        { echo "Skipped $client: npm cannot install what it needs." >&2; return $MISSING; }
    fingerprint sdk/package-lock.json >$NODE_MODULES/.installed
}

generate_python() {
    $BIN/openapi-python-client generate --path $SPECIFICATION --config sdk/openapi-python-client.yaml \
        --meta none --output-path "$1/jobline_client" --fail-on-warning
}

generate_pydantic() {
    $BIN/openapi-generator-cli generate --input-spec $SPECIFICATION --output "$1" \
        --generator-name python --additional-properties packageName=jobline_client \
        --global-property apis,models,supportingFiles,apiDocs=false,modelDocs=false,apiTests=false,modelTests=false
}

generate_typescript_fetch() {
    $BIN/openapi-generator-cli generate --input-spec $SPECIFICATION --output "$1" \
        --generator-name typescript-fetch --additional-properties importFileExtension=.js \
        --global-property apis,models,supportingFiles,apiDocs=false,modelDocs=false
}

generate_hey_api() {
    $NODE_MODULES/.bin/openapi-ts --input "./$SPECIFICATION" --output "$1" --client @hey-api/client-fetch --no-log-file
}

generate_openapi_fetch() {
    $NODE_MODULES/.bin/openapi-typescript "./$SPECIFICATION" --output "$1/schema.ts"
}

generate_swagger_typescript_api() {
    $NODE_MODULES/.bin/swagger-typescript-api generate --path "./$SPECIFICATION" --output "$1" --name client.ts
}

# A folder appears when its client is whole; the generator's words are shown only when it fails.
generate() {
    name=$1 run=$2 lock=$3
    folder=build/sdk/$name
    is_fresh "$folder/.made-from" $SPECIFICATION "$lock" scripts/sdk.sh && return
    rm -rf "$folder" "$folder.new"
    mkdir -p "$folder.new"
    if ! "$run" "$folder.new" >"$folder.log" 2>&1; then
        cat "$folder.log" >&2
        return 1
    fi
    fingerprint $SPECIFICATION "$lock" scripts/sdk.sh >"$folder.new/.made-from"
    mv "$folder.new" "$folder"
    echo "Made $folder"
}

make_client() {
    case $1 in
    python)
        install_python
        generate python generate_python sdk/requirements.lock
        ;;
    pydantic | typescript-fetch)
        has_java || { echo "Skipped $1: it needs Java 11 or newer." >&2; return $MISSING; }
        install_python
        generate "$1" "generate_$(echo "$1" | tr - _)" sdk/requirements.lock
        ;;
    hey-api | openapi-fetch | swagger-typescript-api)
        has_node || { echo "Skipped $1: it needs Node 20.19 or newer, with npm." >&2; return $MISSING; }
        install_node
        # Compiled programs in build/sdk/js import the packages that their client needs.
        ln -sfn ../../$NODE_MODULES build/sdk/node_modules
        generate "$1" "generate_$(echo "$1" | tr - _)" sdk/package-lock.json
        ;;
    *)
        echo "No such client: $1" >&2
        return 2
        ;;
    esac
}

# Two at once would tear down each other's folders. (macOS has no flock; there it is up to the caller.)
mkdir -p build/sdk
if command -v flock >/dev/null 2>&1; then
    exec 9>build/sdk/.lock
    flock 9
fi

# `set -e` sleeps in a function that stands in a condition, so each runs in a shell of its own.
status=0
for client in ${*:-python pydantic typescript-fetch hey-api openapi-fetch swagger-typescript-api}; do
    set +e
    (set -e; make_client "$client")
    ended=$?
    set -e
    case $ended in
    0) ;;
    $MISSING) status=$MISSING ;;
    *) exit $ended ;;
    esac
done
exit $status
