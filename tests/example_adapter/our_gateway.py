"""The same adapter as a server: ``python our_gateway.py PORT ADDRESS-OF-ANTHROPIC``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from our_adapter import AdapterError, chat

TIMEOUT = 2.0


class Gateway(BaseHTTPRequestHandler):
    """Answers chat completion requests."""

    protocol_version = "HTTP/1.1"
    anthropic = ""

    def do_GET(self) -> None:
        """Answer those who look whether it is up."""
        is_up = self.path == "/health"
        self.answer(200 if is_up else 404, {"status": "up"} if is_up else told("nothing here"))

    def do_POST(self) -> None:
        """Answer a request; whatever goes wrong before the answer begins is an error of HTTP's."""
        body = self.rfile.read(int(self.headers["content-length"]))
        key = (self.headers["authorization"] or "").removeprefix("Bearer ")
        if not self.path.endswith("/chat/completions"):
            self.answer(404, told("nothing here"))
            return
        try:
            request = json.loads(body)
            made = chat(**request, base_url=self.anthropic, api_key=key, timeout=TIMEOUT)
        except AdapterError as error:
            wait = error.response and error.response.headers.get("retry-after")
            self.answer(error.status_code, told(str(error)), {"retry-after": wait} if wait else {})
        except (TypeError, ValueError) as error:
            self.answer(400, told(f"no chat completion request: {error}"))
        else:
            self.answer(200, made) if isinstance(made, dict) else self.stream(made)

    def answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.begin(status, {"content-length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def stream(self, chunks: Iterator[Any]) -> None:
        """Send events; an error comes as one of them, for the status is gone."""
        self.begin(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        try:
            for chunk in chunks:
                self.event(json.dumps(chunk))
            self.event("[DONE]")
        except AdapterError as error:
            self.event(json.dumps(told(str(error))))
        self.wfile.write(b"0\r\n\r\n")

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def event(self, text: str) -> None:
        data = f"data: {text}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))


def told(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "adapter_error", "param": None, "code": None}}


if __name__ == "__main__":
    Gateway.anthropic = sys.argv[2]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Gateway).serve_forever()
