"""The reference server over HTTP in this process, which counts what it is asked, and may stall."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from conformance.model import Headers, Request, Response
from conformance.reference import answer

Change = Callable[[Request, Response], Response]


@dataclass
class Counted:
    """What was asked: method, path and body. From request ``stalls_at`` on it answers nothing."""

    url: str = ""
    change: Change = lambda request, response: response  # noqa: ARG005
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    answered: Counter[tuple[str, str, bytes]] = field(default_factory=Counter)
    stalls_at: int = 1 << 30
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, request: Request) -> Response | None:
        """The answer, or None where there is none to be sent."""
        key = (request.method, request.url, request.body)
        with self.lock:
            self.asked.append(key)
            number, nonce = len(self.asked), self.asked.count(key) - 1
        if number >= self.stalls_at:
            self.stalled.set()
            self.released.wait(20)
            return None
        response = self.change(request, answer(request, nonce))
        with self.lock:
            self.answered[key] += 1
        return response


@contextmanager
def counting(change: Change | None = None) -> Iterator[Counted]:
    """Serve for as long as the block lasts."""
    counted = Counted()
    if change:
        counted.change = change

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # its name there
            length = int(self.headers.get("content-length") or 0)
            headers = Headers(self.headers.items())
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            response = counted.reply(request)
            if response is None:
                self.close_connection = True
                return
            self.send_response(response.status)
            for name, value in response.headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    counted.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield counted
    finally:
        counted.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
