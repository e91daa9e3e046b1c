"""Writing files of recorded traffic, whole and damaged, and reading them back."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from conformance.model import Evidence, Exchange, Response
from conformance.traffic import Unreadable, read

MIB = 1 << 20
URL = "https://api.example.com/v1/chat/completions"
STRIPPED = {Evidence.HEADERS, Evidence.TAIL, Evidence.TIMING, Evidence.FRESH}
"""What any recording lacks unless it says otherwise."""
GOOD_LINE = b'{"host":"api.example.com","path":"/v1/models","method":"GET","status":200}\n'
GOOD_YAML = f"""
- request: {{method: GET, uri: '{URL}', headers: {{}}, body: null}}
  response: {{status: {{code: 200}}, headers: {{}}, body: {{string: fine}}}}
"""


def write(path: Path, *pieces: bytes | str) -> Path:
    with path.open("wb") as file:
        file.writelines(one.encode() if isinstance(one, str) else one for one in pieces)
    return path


def line(**members: object) -> dict[str, object]:
    """An exchange line."""
    shape = {"host": "api.example.com", "method": "POST", "path": "/v1/chat/completions"}
    return {**shape, "status": 200, "response_body": {"a": 1}, **members}


def jsonl(path: Path, *objects: object) -> Path:
    return write(path, *(json.dumps(one) + "\n" for one in objects))


def interaction(response_body: object, headers: object = None, **response: object) -> Any:
    """An interaction of a VCR cassette."""
    status = {"code": 200, "message": "OK"}
    request = {"method": "POST", "uri": URL, "body": '{"n":2}', "headers": {"Accept": ["*/*"]}}
    got = {"status": status, "headers": headers or {}, "body": response_body, **response}
    return {"request": request, "response": got}


def cassette(path: Path, *interactions: object) -> Path:
    text = yaml.safe_dump({"interactions": list(interactions), "version": 1}, allow_unicode=True)
    return write(path, text)


def yaml_around(path: Path, bad: str) -> Path:
    """A cassette with ``bad`` between two good interactions, from line 4 on."""
    return write(path, f"interactions:{GOOD_YAML}{bad}{GOOD_YAML}version: 1\n")


def har(*entries: object) -> dict[str, object]:
    """A HAR log."""
    creator = {"name": "x", "comment": '"entries": [{'}
    return {"log": {"version": "1.2", "creator": creator, "pages": [{}], "entries": list(entries)}}


def har_entry(content: object, status: int = 200, **sent: object) -> dict[str, object]:
    fields = {":status": "200", "Content-Encoding": "br", "X-Id": "7"}
    headers = [{"name": name, "value": value} for name, value in fields.items()]
    return {
        "startedDateTime": "2026-01-02T03:04:05.678Z",
        "request": {"method": "POST", "url": URL, "headers": [], **sent},
        "response": {"status": status, "headers": headers, "content": content},
    }


def exchanges(path: Path) -> list[Exchange]:
    """What the file holds, all of it readable."""
    found = list(read(path))
    assert [str(one) for one in found if isinstance(one, Unreadable)] == []
    return [one for one in found if isinstance(one, Exchange)]


def only(path: Path) -> Exchange:
    [exchange] = exchanges(path)
    return exchange


def response(exchange: Exchange) -> Response:
    assert exchange.response is not None
    return exchange.response


def body(exchange: Exchange) -> bytes:
    return response(exchange).body


def outcome(path: Path) -> list[str]:
    """One word for each exchange, and the whole text, without the folder, of each Unreadable."""
    return [
        "exchange" if isinstance(one, Exchange) else str(one).removeprefix(f"{path.parent}/")
        for one in read(path)
    ]


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    """Python's own memory stays below this inside."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB
