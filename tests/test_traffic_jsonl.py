"""Lines of exchange jsonl become exchanges that say what was sent and what was lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import STRIPPED, URL, body, exchanges, jsonl, line, only, response

from conformance.model import Evidence, Failure, Source


def test_an_exchange_line(tmp_path: Path) -> None:
    one = line(
        id="abc",
        provider="acme",
        query={"api-version": "2024-05-01", "x": "a b"},
        request_headers={"accept": "*/*"},
        request_body={"model": "é", "n": 1},
        response_headers={"content-type": "application/json", "content-length": "999"},
        recorded_at="2025-02-03T04:05:06+00:00",
        source_path="their/cassette.yaml",
        upstream="together",
        suspect="edited",
    )
    exchange = only(jsonl(tmp_path / "x.jsonl", one))
    assert (exchange.id, exchange.provider) == ("abc", "acme")
    assert exchange.request.url == f"{URL}?api-version=2024-05-01&x=a+b"
    assert exchange.request.body == '{"model":"é","n":1}'.encode()
    assert response(exchange).body == b'{"a":1}'
    assert list(response(exchange).headers) == [("content-type", "application/json")]
    assert exchange.session == "their/cassette.yaml"
    assert exchange.upstream == ()
    assert exchange.provenance.origin == f"{tmp_path}/x.jsonl:1"
    assert exchange.provenance.recorded_at == "2025-02-03T04:05:06+00:00"


@pytest.mark.parametrize(
    ("members", "lost"),
    [
        ({"response_body": "data: 1\n\n"}, STRIPPED),
        ({"response_body": None}, STRIPPED),
        ({"response_body": {}}, STRIPPED | {Evidence.BODY}),
        ({"response_body": "x", "fidelity": "reserialised"}, STRIPPED),
        (
            {"response_body": {}, "fidelity": "reserialised"},
            STRIPPED | {Evidence.BODY, Evidence.FRAMING},
        ),
        ({"chunks": [[0.1, "x"]]}, STRIPPED - {Evidence.TIMING}),
        ({"fidelity": "documentation"}, set(Evidence)),
    ],
)
def test_a_line_says_what_was_lost(
    tmp_path: Path, members: dict[str, object], lost: set[Evidence]
) -> None:
    provenance = only(jsonl(tmp_path / "x.jsonl", line(**members))).provenance
    documented = members.get("fidelity") == "documentation"
    assert provenance.source is (Source.DOCUMENTED if documented else Source.RECORDING)
    assert provenance.lacks == lost


def test_chunks_failure_provenance_and_upstream(tmp_path: Path) -> None:
    told = {"source": "live", "software": "acme 1", "recorded_at": "2026-01-01", "lacks": ["tail"]}
    one = line(
        chunks=[[0.25, "data: é"], [0.5, "\udcc3"], [None, "\udca9\n\n"]],
        failure={"kind": "read_timeout", "message": "no more", "at": 60.5},
        provenance=told,
        upstream=[line(host="localhost:11434", path="/api/chat", response_body="up")],
    )
    exchange = only(jsonl(tmp_path / "x.jsonl", one))
    assert [chunk.at for chunk in response(exchange).chunks] == [0.25, 0.5, None]
    assert response(exchange).body == "data: éé\n\n".encode()
    assert exchange.failure == Failure("read_timeout", "no more", 60.5)
    assert exchange.provenance.source is Source.LIVE
    assert exchange.provenance.software == "acme 1"
    assert exchange.provenance.lacks == {Evidence.TAIL}
    [upstream] = exchange.upstream
    assert upstream.request.url == "http://localhost:11434/api/chat"
    assert body(upstream) == b"up"


def test_a_line_without_status_is_a_failure(tmp_path: Path) -> None:
    exchange = only(jsonl(tmp_path / "x.jsonl", line(status=None)))
    assert exchange.response is None
    assert exchange.failure == Failure("no_response", "the line holds no response")


@given(st.binary())
def test_any_bytes_survive_a_line_as_escaped_text(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    text = data.decode(errors="surrogateescape")
    path = jsonl(tmp_path_factory.mktemp("any") / "x.jsonl", line(response_body=text))
    assert body(only(path)) == data


def test_a_line_marked_suspect_says_why(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", line(suspect="edited by hand"), line())
    first, second = exchanges(path)
    assert first.provenance.doubt == "edited by hand"
    assert second.provenance.doubt is None
