"""What to do about each kind of error: the page of its code shows it. A test holds that each has one."""

REMEDIES = {
    "refused": "Read the detail of the response, change the request and send it again.",
    "not-found": (
        "Check the id or the name. A key sees the jobs and files of its own tenant only, and the "
        "documentation lists all tasks and paths."
    ),
    "gone": (
        "Submit the job or upload the file again. Results are kept for JOBLINE_RESULT_TTL_S seconds, "
        "unused files for JOBLINE_FILE_TTL_S."
    ),
    "conflict": (
        "Read the job to see its state. Only a running or waiting job can be cancelled, only a finished "
        "one deleted, and only a failed or revoked one retried."
    ),
    "idempotency-key-reused": (
        "Use a new Idempotency-Key for a new request; repeat a request with its key only if nothing else"
        " in it has changed."
    ),
    "queue-full": (
        "Wait as long as Retry-After says and send the request again. The operator can add workers, or "
        "raise JOBLINE_QUEUE_LIMIT."
    ),
    "validation-error": (
        "Change the parts that `errors` lists: each has a JSON Pointer into the body and a reason. The "
        "documentation has the schema of each task, and `?validate_only=true` checks a request without a"
        " job."
    ),
    "too-large": (
        "Send less in one request. Upload large data as a file and name its id in the input. The "
        "operator can raise JOBLINE_MAX_BODY_BYTES and JOBLINE_MAX_FILE_BYTES."
    ),
    "unsupported-media-type": (
        "Declare what you send: Content-Type: application/json for JSON, the file's own type for an "
        "upload. The task's schema says which files it takes."
    ),
    "storage-full": (
        "Delete files that are not needed. The operator should free space in JOBLINE_DATA_DIR, and check "
        "that the API may write to it."
    ),
    "bad-boundary": "Let your HTTP library make the form; a boundary has 1 to 70 letters, digits and marks.",
    "malformed-request": "Use an HTTP/1.1 library; what arrived is not a valid request, or has two Hosts.",
    "unknown-transfer-coding": "Send the body as it is, or with `Transfer-Encoding: chunked` alone.",
    "too-many-connections": (
        "Wait as long as Retry-After says. Use one connection for many requests. The operator can raise "
        "the limit of open files (`ulimit -n`) or run more API processes."
    ),
    "foreign-origin": (
        "Send changes from the service's own pages. The operator can name other origins in "
        "JOBLINE_CORS_ORIGINS."
    ),
    "not-json": "Check the body with a JSON parser. It must be UTF-8, and NaN and Infinity are not JSON.",
    "method-not-allowed": "Use one of the methods in the response's Allow header.",
    "range-not-satisfiable": "Ask for the size of the file first (HEAD), and for a range within it.",
    "bad-parameter": (
        "Change the header or parameter that the detail names; the documentation has its type."
    ),
    "not-ready": (
        "Look at the checks of GET /health/ready. Start Redis or a worker (`jobline worker`) if it is "
        "missing."
    ),
    "unauthorized": (
        "Send an access key as `Authorization: Bearer …`. `jobline keys create` makes one, for the "
        "operator alone."
    ),
    "forbidden": (
        "Use a key that has the scope which the detail names; `jobline keys create --scope` makes one."
    ),
    "not-served-here": (
        "Use the service from its own machine, or ask the operator to set JOBLINE_AUTH=keys. Pages of "
        "other sites need JOBLINE_CORS_ORIGINS."
    ),
    "too-slow": ("Send the body faster or in smaller parts. The operator can raise JOBLINE_BODY_TIMEOUT_S."),
    "target-too-long": "Use fewer or shorter query parameters; 8,192 bytes are the limit.",
    "rate-limited": (
        "Wait as long as Retry-After says. The RateLimit header of each response tells what is left."
    ),
    "headers-too-large": (
        "Send fewer or shorter headers: 100 of them with 32,768 bytes together are the limit. Cookies "
        "are often the cause."
    ),
    "ledger-unavailable": (
        "Send the request again as Retry-After says; an Idempotency-Key makes that safe for a submit. "
        "The operator should check that Redis runs, can be reached at JOBLINE_REDIS_URL and is not full."
    ),
    "ledger-version": (
        "The operator should run one version of Jobline on this ledger, or set another JOBLINE_PREFIX."
    ),
    "ledger-mode": "The operator should name a Redis that runs by itself in JOBLINE_REDIS_URL.",
    "ledger-unusable": "The log of the service has the reason; the operator should remove it.",
    "internal": (
        "Send the request again; an Idempotency-Key makes that safe for a submit. If the error stays, "
        "report the response's X-Request-ID: the log has the reason under it."
    ),
}
FALLBACK = "Read the detail of the response: it says what to change."
