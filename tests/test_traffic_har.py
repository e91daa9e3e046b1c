"""Entries of HAR logs become exchanges."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest
from recordings import STRIPPED, body, exchanges, har, har_entry, only, response, write

from conformance.model import Exchange, Failure
from conformance.traffic import Unreadable, read


def logged(path: Path, *entries: object, indent: int | None = None) -> Path:
    return write(path, json.dumps(har(*entries), indent=indent))


def test_a_har_entry(tmp_path: Path) -> None:
    posted = {"mimeType": "application/json", "text": '{"model":"é"}'}
    entry = har_entry({"size": 3, "text": "hé"}, postData=posted)
    exchange = only(logged(tmp_path / "x.har", entry))
    assert exchange.request.body == '{"model":"é"}'.encode()
    assert list(response(exchange).headers) == [("X-Id", "7")]
    assert response(exchange).body == "hé".encode()
    assert exchange.provenance.recorded_at == "2026-01-02T03:04:05.678Z"
    assert exchange.provenance.lacks == STRIPPED
    assert exchange.provider == "api.example.com"


def test_har_bodies_in_base64_and_forms(tmp_path: Path) -> None:
    content = {"size": 2, "text": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"}
    posted = {"params": [{"name": "a", "value": "1 2"}, {"name": "b", "value": "é"}]}
    exchange = only(logged(tmp_path / "x.har", har_entry(content, postData=posted)))
    assert body(exchange) == b"\xff\x00"
    assert exchange.request.body == b"a=1+2&b=%C3%A9"


def test_har_without_a_response_is_a_failure(tmp_path: Path) -> None:
    exchange = only(logged(tmp_path / "x.har", har_entry({"size": 0}, status=0)))
    assert exchange.response is None
    assert exchange.failure == Failure("no_response", "the log holds no response")


def test_a_body_left_out_of_a_har_is_not_an_empty_body(tmp_path: Path) -> None:
    path = logged(tmp_path / "x.har", har_entry({"size": 812}), har_entry({"size": 0}))
    left_out, empty = read(path)
    assert isinstance(left_out, Unreadable)
    assert left_out.reason == (
        "entry 1: the response body was left out of the log (content.size is 812)"
    )
    assert isinstance(empty, Exchange)
    assert body(empty) == b""


@pytest.mark.parametrize("indent", [None, 2])
def test_lines_and_numbers_in_a_har(tmp_path: Path, indent: int | None) -> None:
    entries = har_entry({"text": 'a "quoted" \\ text'}), har_entry({"text": "}]"})
    path = logged(tmp_path / "x.har", *entries, indent=indent)
    lines = path.read_text().splitlines()
    found = exchanges(path)
    assert len(found) == 2
    for number, exchange in enumerate(found, 1):
        where, _, entry = exchange.provenance.origin.partition("#")
        at = int(where.rpartition(":")[2])
        assert entry == str(number)
        assert "{" in lines[at - 1]
        assert indent is None or '"startedDateTime"' in lines[at]


def test_the_base64_pieces_of_an_encoded_body_are_joined(tmp_path: Path) -> None:
    packed = gzip.compress(b'{"id":"x"}', mtime=0)
    pieces = [base64.b64encode(part).decode() for part in (packed[:7], packed[7:])]
    content = {"text": json.dumps(pieces), "encoding": "base64"}
    headers = [{"name": "content-encoding", "value": "gzip"}]
    entry = {"response": {"status": 200, "headers": headers, "content": content}}
    found = only(logged(tmp_path / "x.har", har_entry(content) | entry))
    assert body(found) == b'{"id":"x"}'
    assert found.response is not None
    assert "content-encoding" not in found.response.headers
