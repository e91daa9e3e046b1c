"""An adapter that is a program: it sends on what it gets, to where ``config.json`` leads it."""

from __future__ import annotations

import http.server
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.answer(config["ready"], b"{}", "application/json")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        led = {"x-led": self.headers["x-led"]}
        url = config["base"] + self.path
        with urllib.request.urlopen(urllib.request.Request(url, body, led)) as found:  # noqa: S310  # ours
            self.answer(200, found.read(), found.headers["content-type"])

    def answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


if __name__ == "__main__":
    config = json.loads(Path("config.json").read_text())
    print("listening", flush=True)  # noqa: T201  # what its log says
    http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
