"""A service without the database: it knows users by their tokens alone. It prints its URL."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ampho_verify import Rejected, Verifier, bearer_of

auth_url = os.environ["AUTH_URL"]
verifier = Verifier(
    jwks_url=f"{auth_url}/.well-known/jwks.json",
    issuer=os.environ["ISSUER"],
    audience=os.environ["AUDIENCE"],
    feed_url=f"{auth_url}/revocations",
    feed_token=os.environ["FEED_TOKEN"],
    lag_max=int(os.environ.get("LAG_MAX", "30s").removesuffix("s")),
)


class Orders(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            auth = verifier.verify(bearer_of(self.headers.get("Authorization")))
            self.respond(200, {"login": auth.login, "roles": auth.roles, "credential": auth.credential})
        except Rejected as error:
            self.respond(error.status, {"error": error.code, "message": str(error)})

    def respond(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", "Bearer")
        if status == 503:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


verifier.ready()
server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0"))), Orders)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
