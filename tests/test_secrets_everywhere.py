"""A server that repeats its key in every place and every spelling; no file and no screen does."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from click.testing import CliRunner

from conformance.cli import main
from conformance.model import Headers, Request
from conformance.reference import answer

KEY = "abQ7x/19kLmn+42pqRsTuv="
"""Of no known shape, and as long as the key that a replay bears."""
PIECE = 12
FILE = """\
title = "Somebody"
base_url = "https://api.somebody.example/v1"
key = "SOMEBODY_KEY"
key_header = "x-somebody-token"

[source]
url = "https://somebody.example"
read = 2026-11-21

[claims]
endpoints = ["chat", "models"]

[models.reference]
"""
TARGET = "somebody/reference"
FEW = [word for suite in ("chat", "http", "stream") for word in ("--only", f"{suite}.*")]
REPORTS = ("html", "md", "junit", "sarif")
ECHOED = {
    "id",
    "model",
    "content",
    "finish_reason",
    "message",
    "code",
    "name",
    "system_fingerprint",
}
Json = dict[str, Any]
Reply = tuple[int, dict[str, str], bytes]


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04X}" for c in text)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "slashes": lambda key: key.replace("/", "\\/"),
    "some escaped": lambda key: re.sub(r"\W", lambda found: escaped(found[0]).lower(), key),
    "all escaped": escaped,
    "twice": lambda key: json.dumps(json.dumps(key.replace("/", "\\/")))[3:-3],
    "in an address": lambda key: quote(key, safe=""),
    "in an address, in lower case": lambda key: quote(key, safe="").lower(),
    "in HTML": lambda key: key.replace("/", "&#x2F;").replace("+", "&#43;"),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "Basic": lambda key: base64.b64encode(f"u:{key}".encode()).decode(),
    "user:": lambda key: base64.urlsafe_b64encode(f"usr:{key}:".encode()).decode(),
    "cut off": lambda key: key[:14],
    "its end": lambda key: f"...{key[-13:]}",
}


def read(text: str) -> Iterator[str]:
    """A text, and what is left of it with escapes undone, again and again."""
    for _ in range(4):
        yield text
        text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
        text = html.unescape(unquote(re.sub(r'\\+(?=[/"])', "", text)))


def packed(text: str) -> Iterator[str]:
    """What is compressed in a page."""
    for found in re.findall(r"[A-Za-z0-9+/=]{200,}", text):
        with suppress(OSError, ValueError, zlib.error, EOFError):
            yield gzip.decompress(base64.b64decode(found)).decode()


def traces() -> list[str]:
    """Every piece of the key, and of its base64 wherever it stands in it."""
    encoded = (base64.b64encode(b"\0" * n + KEY.encode()).decode()[4:-4] for n in range(3))
    whole = (KEY.lower(), *(one.lower() for one in encoded))
    return [one[i : i + PIECE] for one in whole for i in range(len(one) - PIECE + 1)]


def leaks(text: str) -> list[str]:
    """What a text holds of the key, however it is written there."""
    texts = {one.lower() for whole in (text, *packed(text)) for one in read(whole)}
    return sorted({trace for trace in traces() for one in texts if trace in one})


def said(key: str) -> str:
    """Every spelling, as it stands in a JSON text."""
    return " ".join(spell(key) for spell in SPELLINGS.values())


def echoed(value: Any, member: str = "") -> Any:
    """A document in which texts are to be what the key is."""
    if isinstance(value, dict):
        return {name: echoed(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [echoed(item, member) for item in value]
    return "@" if isinstance(value, str) and member in ECHOED else value


def repeating(request: Request, key: str) -> Reply:
    """The reference's answer with the key all over it, the last event no JSON."""
    response = answer(request, 0)
    lines = [line.rpartition("data: ")[2] for line in response.body.decode().split("\n\n")]
    documents = [json.dumps(echoed(json.loads(one))) for one in lines if one.startswith("{")]
    written = [one.replace('"@"', f'"{said(key)}"') for one in documents]
    kind = response.headers.get("content-type") or ""
    if "event-stream" not in kind:
        return response.status, {"content-type": kind}, "".join(written).encode()
    events = [
        f": {key}",
        f"event: {key}\ndata: {{{said(key)}",
        *(f"data: {one}" for one in written),
    ]
    return 200, {"content-type": kind}, "".join(f"{one}\n\n" for one in events).encode()


def refusing(_: Request, key: str) -> Reply:
    error = json.dumps({"error": {"message": "@", "type": "@", "code": "@", "param": None}})
    body = error.replace("@", f"Incorrect API key provided: {said(key)}")
    return 401, {"content-type": "application/json"}, body.encode()


def leading_away(_: Request, key: str) -> Reply:
    return 307, {"location": f"https://elsewhere.example/v1?key={quote(key, safe='')}"}, b""


def busy(_: Request, key: str) -> Reply:
    return 503, {"retry-after": "0", "content-type": "text/plain"}, said(key).encode()


def no_http(_: Request, key: str) -> Reply:
    """A header that no client can read, with the key in it."""
    return 200, {f"bad header {key}": key}, b"{}"


@dataclass
class Echo:
    url: str = ""
    lines: list[Json] = field(default_factory=list)
    """All that was said, as a recording of somebody who masks nothing."""


def key_of(headers: Mapping[str, str]) -> str:
    sent = headers.get("authorization") or headers.get("x-somebody-token") or ""
    return sent.rpartition(" ")[2]


@contextmanager
def echoing(reply: Callable[[Request, str], Reply]) -> Iterator[Echo]:
    """Serve for as long as the block lasts."""
    echo = Echo()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # its name there
            length = int(self.headers.get("content-length") or 0)
            given = {name.lower(): value for name, value in self.headers.items()}
            request = Request(
                self.command, self.path, Headers(given.items()), self.rfile.read(length)
            )
            key = key_of(given)
            status, headers, body = reply(request, key)
            headers |= {"x-request-id": key, "server": key, "www-authenticate": f"Bearer {key}"}
            echo.lines.append(recorded(request, given, status, headers, body))
            self.send_response(status, key)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            half = body.find(key.encode()) + len(key) // 2
            for part in (body[:half], body[half:]):
                self.wfile.write(part)
                self.wfile.flush()

        do_GET = do_POST  # noqa: N815  # its name there

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    echo.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield echo
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def recorded(
    request: Request, given: Mapping[str, str], status: int, headers: Mapping[str, str], body: bytes
) -> Json:
    return {
        "id": "x",
        "method": request.method,
        "host": "api.somebody.example",
        "path": request.url,
        "query": f"key={quote(key_of(given), safe='')}",
        "request_headers": dict(given),
        "request_body": request.body.decode("utf-8", "replace"),
        "status": status,
        "response_headers": dict(headers),
        "response_body": body.decode(),
    }


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a provider's file, and its key in the environment."""
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "somebody.toml").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOMEBODY_KEY", KEY)
    return tmp_path


def told(name: str, *words: object) -> str:
    """What a command prints that also writes every report; it may find as much as it likes."""
    reports = [word for kind in REPORTS for word in (f"--{kind}", f"{name}.{kind}")]
    told = [*map(str, words), "--json", f"{name}.jsonl", *reports]
    result = CliRunner().invoke(main, told)
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result.output


def assert_clean(folder: Path, printed: str) -> None:
    """No file in the folder, nor what was printed, gives the key away."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {str(path): leaks(path.read_text()) for path in files} | {"printed": leaks(printed)}
    assert {name: traces for name, traces in found.items() if traces} == {}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_is_looked_for_would_be_found(spelling: str) -> None:
    spelt = f"no: {SPELLINGS[spelling](KEY)}"
    assert leaks(json.dumps(spelt))
    padded = f"{spelt} {[n * n for n in range(200)]}"
    assert leaks(base64.b64encode(gzip.compress(padded.encode())).decode())


def test_nothing_that_a_live_run_writes_holds_the_key(here: Path) -> None:
    with echoing(repeating) as echo:
        address = ("--base-url", echo.url, "--model", "reference", "--api-key-env", "SOMEBODY_KEY")
        printed = told("live", "run", "--live", *address, *FEW)
    assert_clean(here, printed)
    lines = [json.loads(line) for line in (here / "live.jsonl").read_text().splitlines()]
    broken = {one["check"] for one in lines if one["type"] == "verdict" and "[key]" in str(one)}
    assert {"chat.response_id_unique", "http.request_id_unique"} <= broken
    assert {"stream.sse_data_is_json", "chat.choices_finish_reason_enum"} <= broken
    assert "[key]" in printed


def test_neither_a_recording_nor_its_replay_holds_the_key(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with echoing(repeating) as echo:
        printed = told("recorded", "run", TARGET, "--record", "--base-url", echo.url, *FEW)
    monkeypatch.delenv("SOMEBODY_KEY")
    printed += told("replayed", "run", TARGET, *FEW)
    assert_clean(here, printed)
    assert "[key]" in printed
    cassettes = "".join(path.read_text() for path in here.glob("cassettes/*/*/*.yaml"))
    assert "[key*" in cassettes
    assert len((here / "replayed.jsonl").read_text().splitlines()) > 100


@pytest.mark.parametrize("reply", [refusing, leading_away, busy, no_http])
def test_no_reason_for_an_incomplete_run_holds_the_key(
    here: Path, reply: Callable[[Request, str], Reply]
) -> None:
    with echoing(reply) as echo:
        printed = told("live", "run", TARGET, "--live", "--base-url", echo.url, "--retries", 0)
    assert_clean(here, printed)
    assert "incomplete" in printed


def test_no_audit_of_somebody_who_masks_nothing_holds_the_key(here: Path) -> None:
    with echoing(repeating) as echo:
        told("live", "run", TARGET, "--live", "--base-url", echo.url, *FEW)
    (here / "all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in echo.lines))
    printed = told("audit", "audit", "all.jsonl")
    for line in echo.lines:
        line["request_headers"] = {}
    (here / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in echo.lines))
    printed += told("by_query", "audit", "queries.jsonl")
    for name in ("all", "queries"):
        assert leaks((here / f"{name}.jsonl").read_text())
        (here / f"{name}.jsonl").unlink()
    assert_clean(here, printed)
    assert "[key]" in printed
