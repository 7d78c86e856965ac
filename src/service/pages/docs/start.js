// Starts Swagger UI on /docs. A file of its own, because the page's policy forbids inline scripts.

const KEY = "jobline.key"; // in sessionStorage: the access key, until the tab is closed
const FILE = "jobline.file"; // the id of the file that this page uploaded last
const NO_FILE = `file_${"0".repeat(32)}`; // what the examples have in its place
const STREAM_MS = 5000;

// Keep the access key over a reload of the page.
const rememberKey = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        authorize: (authorize) => (given) => {
          if (given.key) sessionStorage.setItem(KEY, given.key.value);
          return authorize(given);
        },
        logout: (logout) => (names) => {
          sessionStorage.removeItem(KEY);
          return logout(names);
        },
      },
    },
  },
});

// Swagger UI shows a response when it is complete, and a stream of events may never be.
async function fetchForAWhile(url, options) {
  const stop = new AbortController();
  const response = await fetch(url, { ...options, signal: stop.signal });
  if (!(response.headers.get("content-type") || "").startsWith("text/event-stream")) return response;
  const timer = setTimeout(() => stop.abort(), STREAM_MS);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (let part; !(part = await reader.read()).done; ) text += part.value;
  } catch {
    text += `\n: Jobline's page shows the first ${STREAM_MS / 1000} s; the stream itself goes on\n`;
  }
  clearTimeout(timer);
  return new Response(text, { status: response.status, headers: response.headers });
}

function completeRequest(request) {
  if (new URL(request.url, location.href).pathname.endsWith("/events")) request.userFetch = fetchForAWhile;
  const file = sessionStorage.getItem(FILE);
  if (file && typeof request.body === "string") request.body = request.body.replaceAll(NO_FILE, file);
  return request;
}

function rememberFile(response) {
  if (response.status === 201 && /^file_/.test(response.body?.id)) sessionStorage.setItem(FILE, response.body.id);
  return response;
}

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIBundle.SwaggerUIStandalonePreset],
  plugins: [rememberKey],
  requestInterceptor: completeRequest,
  responseInterceptor: rememberFile,
  onComplete: () => {
    const key = sessionStorage.getItem(KEY);
    if (key) window.ui.preauthorizeApiKey("key", key);
  },
});
