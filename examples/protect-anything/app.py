"""An application that knows nothing of logins. The proxy lets no request without a session through."""

import html
import json
import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AMPHO = os.environ.get("AMPHO_URL", "http://127.0.0.1:3000/api/security/session")


class App(BaseHTTPRequestHandler):
    def do_GET(self):
        session = urllib.request.Request(AMPHO, headers={"Cookie": self.headers.get("Cookie", "")})
        with urllib.request.urlopen(session, timeout=5) as response:
            user = json.load(response)
        body = f"<!doctype html><title>App</title><h1>Hello {html.escape(user['login'])}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), App).serve_forever()
