"""A shop for this example: it sells tea and coffee, and is busy for the first request after its start."""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRICES = {"/prices/tea": "2.50", "/prices/coffee": "3.20"}


class Shop(BaseHTTPRequestHandler):
    is_busy = True

    def do_GET(self) -> None:
        if Shop.is_busy:
            Shop.is_busy = False
            self.send_response(503)
            self.send_header("Retry-After", "1")
            self.end_headers()
            return
        price = PRICES.get(self.path)
        self.send_response(200 if price else 404)
        self.end_headers()
        self.wfile.write((price or "").encode())


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8081
    ThreadingHTTPServer(("127.0.0.1", port), Shop).serve_forever()
