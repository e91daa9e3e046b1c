"""Exchanges go to a cassette and come back, for us and for stock vcrpy; keys stay behind."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import vcr  # type: ignore[import-untyped]  # vcrpy ships no types
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from recordings import URL, cassette, exchanges, interaction, only, outcome, response, write

from conformance.model import (
    Chunk,
    Evidence,
    Exchange,
    Failure,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.reference.exchanges import exchanges as golden
from conformance.traffic import yamlwrite
from conformance.traffic.cassettes import BadCassette, Cassette

ASKED = Request("POST", URL, Headers([("content-type", "application/json")]), b'{"n":2,"stop":"7"}')
LIVE = Provenance(Source.LIVE, recorded_at="2026-01-31T12:00:00+00:00")
JSON = Headers([("content-type", "application/json")])


def answered(
    body: bytes = b"{}", request: Request = ASKED, headers: Headers = JSON, status: int = 200
) -> Exchange:
    """A live exchange whose body came at once, a quarter of a second after the request."""
    chunks = (Chunk(body, 0.25),) if body else ()
    return Exchange("x#0", "acme", request, Response(status, headers, chunks), LIVE)


def stored(folder: Path, *made: Exchange) -> Path:
    path = folder / "acme" / "model" / "chat.basic.yaml"
    store = Cassette(path)
    for exchange in made:
        store.add(exchange)
    return path


def taken(folder: Path, made: Exchange) -> Exchange:
    """What a replay gives for an exchange that was stored."""
    found = Cassette.load(stored(folder, made)).take(made.request)
    assert found is not None
    return found


def test_the_golden_exchanges_come_back(tmp_path: Path) -> None:
    made = [one for one in golden().values() if one.id.startswith(("chat.", "stream.", "errors."))]
    store = Cassette.load(stored(tmp_path, *made[::9]))
    assert len(store) == len(made[::9]) > 9
    for one in made[::9]:
        found = store.take(one.request)
        assert found is not None
        assert found.request == one.request
        assert response(found).status == response(one).status
        assert response(found).chunks == response(one).chunks
        assert {n for n, _ in response(found).headers} == {n for n, _ in response(one).headers}
        assert found.provenance.source is Source.REFERENCE
        assert not found.provenance.lacks
    assert store.unused == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BODIES = st.binary(max_size=60) | WORDS.map(str.encode)
TIMES = st.none() | st.integers(0, 10**7).map(lambda ms: ms / 1000)
CHUNKS = st.lists(st.builds(Chunk, BODIES, TIMES), max_size=6).map(tuple)
NAMES = st.sampled_from(["content-type", "Date", "retry-after", "x-ratelimit-reset-tokens", "via"])
FAILURES = st.builds(Failure, st.sampled_from(["timeout", "connect"]), WORDS, TIMES)
HEADERS = st.lists(st.tuples(NAMES, WORDS), max_size=6).map(Headers)
RESPONSES = st.builds(Response, st.integers(100, 599), HEADERS, CHUNKS)


@given(BODIES, RESPONSES, st.none() | FAILURES)
@example(b"", Response(200, Headers(), (Chunk(b"a\n\n", 0.1), Chunk(b"\n", 0.2))), None)
@example(b"", Response(200, Headers(), (Chunk("\u2028\n\u2029 \x85".encode(), None),)), None)
@example(b"", Response(599, Headers(), ()), Failure("timeout", "", 1.0))
@example(b"\xff", Response(200, Headers([("Date", "2024-08-06"), ("Date", "")]), ()), None)
def test_any_exchange_comes_back(
    tmp_path_factory: pytest.TempPathFactory, sent: bytes, got: Response, failure: Failure | None
) -> None:
    request = replace(ASKED, body=sent)
    made = replace(answered(request=request), response=got, failure=failure)
    found = taken(tmp_path_factory.mktemp("any"), made)
    assert response(found).status == got.status
    assert response(found).chunks == got.chunks
    for name, _ in got.headers:
        assert values(found, name) == [v for n, v in got.headers if n == name]
    assert found.failure == failure
    untimed = any(chunk.at is None for chunk in got.chunks)
    assert found.provenance.lacks == ({Evidence.TIMING} if untimed else set())
    assert found.provenance.source is Source.LIVE
    assert found.provenance.recorded_at == LIVE.recorded_at


def values(exchange: Exchange, name: str) -> list[str]:
    return [v for n, v in response(exchange).headers if n == name]


@given(RESPONSES, BODIES)
def test_stock_vcrpy_loads_any_of_them(
    tmp_path_factory: pytest.TempPathFactory, got: Response, sent: bytes
) -> None:
    made = replace(answered(request=replace(ASKED, body=sent)), response=got)
    path = stored(tmp_path_factory.mktemp("stock"), made)
    with vcr.use_cassette(str(path), record_mode="none") as store:
        assert store.responses[0]["body"]["string"] == got.body
        assert (store.requests[0].body or b"") == sent


@pytest.mark.parametrize("body", ['{"a":"é 😀"}', "data: {}\n\ndata: [DONE]\n\n", "\x00 \r\n"])
def test_stock_vcrpy_replays_what_we_write(tmp_path: Path, body: str) -> None:
    headers = Headers([("content-type", "text/event-stream"), ("content-encoding", "gzip")])
    length = Headers([("content-length", "2")])
    second_one = answered(status=503, headers=length)
    path = stored(tmp_path, answered(body.encode(), headers=headers), second_one)
    with vcr.use_cassette(str(path), record_mode="none"), httpx.Client() as client:
        first = client.post(URL, content=ASKED.body)
        second = client.post(URL, content=ASKED.body)
    assert first.content == body.encode()
    assert first.headers["content-type"] == "text/event-stream"
    assert (first.status_code, first.reason_phrase) == (200, "OK")
    assert (second.status_code, second.reason_phrase) == (503, "Service Unavailable")
    assert second.headers["content-length"] == "2"


def test_no_answer_is_an_answer(tmp_path: Path) -> None:
    failure = Failure("connect", "connection refused", 0.003)
    found = taken(tmp_path, replace(answered(), response=None, failure=failure))
    assert found.response is None
    assert found.failure == failure


def test_a_stream_that_was_cut_keeps_what_came(tmp_path: Path) -> None:
    chunks = (Chunk(b'data: {"a"', 0.1), Chunk(b':"\xc3', 0.2))
    failure = Failure("read", "the peer closed the connection", 0.3)
    cut = replace(answered(), response=Response(200, JSON, chunks), failure=failure)
    found = taken(tmp_path, cut)
    assert response(found).chunks == chunks
    assert found.failure == failure


def test_the_file_is_pleasant_to_read(tmp_path: Path) -> None:
    headers = Headers([("via", "a"), ("date", "x" * 200 + " y"), ("via", "b")])
    local = replace(LIVE, source=Source.LOCAL, software="vLLM 0.32.0")
    exchange = answered('data: {"a": "é"}\n\ndata: [DONE]\n\n'.encode(), headers=headers)
    text = stored(tmp_path, replace(exchange, provenance=local)).read_text()
    assert '      string: |+\n        data: {"a": "é"}\n\n        data: [DONE]\n\n' in text
    assert "\n      via: [a, b]\n" in text
    assert f"\n      date: [{'x' * 200} y]\n" in text
    assert yaml.safe_load(text)["interactions"][0]["response"]["recording"] == {
        "provider": "acme",
        "source": "local",
        "software": "vLLM 0.32.0",
        "at": "2026-01-31T12:00:00+00:00",
        "chunks": "250+33",
    }
    assert text.endswith("\nversion: 1\n")


def test_without_libyaml_the_bodies_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as without:
        without.delattr(yaml, "CSafeDumper")
        slow = importlib.reload(yamlwrite)
        texts = ["a\x85b", "\u2028", "a\u2029 b", " a\n\n", "\t😀 \n", "\ufeff{}"]
        for number, text in enumerate(texts):
            path = tmp_path / f"{number}.yaml"
            slow.write(path, [answered(text.encode())])
            assert response(only(path)).body == text.encode()
    importlib.reload(yamlwrite)


def test_what_described_the_packed_body_comes_back_to_us_only(tmp_path: Path) -> None:
    headers = Headers([("content-encoding", "gzip"), ("content-length", "9"), ("date", "now")])
    found = taken(tmp_path, answered(b"plain", headers=headers))
    assert dict(response(found).headers) == dict(headers)
    assert response(found).body == b"plain"


def test_each_recording_is_given_once_and_in_order(tmp_path: Path) -> None:
    other = replace(ASKED, body=b'{"n":3}')
    path = stored(tmp_path, answered(b"1"), answered(b"2", other), answered(b"3"))
    store = Cassette.load(path)
    assert [one.body for one in store.unused] == [ASKED.body, other.body, ASKED.body]
    found = [store.take(ASKED), store.take(ASKED), store.take(ASKED)]
    assert [one and response(one).body for one in found] == [b"1", b"3", None]
    assert store.unused == [other]


@pytest.mark.parametrize(
    "request_",
    [
        replace(ASKED, method="PUT"),
        replace(ASKED, url=URL + "?a=1"),
        replace(ASKED, body=b'{"stop":"7","n":2}'),
        replace(ASKED, body=b'{"n": 2,"stop":"7"}'),
    ],
)
def test_only_the_same_method_url_and_bytes_match(tmp_path: Path, request_: Request) -> None:
    assert Cassette.load(stored(tmp_path, answered())).take(request_) is None


def test_other_headers_match(tmp_path: Path) -> None:
    store = Cassette.load(stored(tmp_path, answered()))
    assert store.take(replace(ASKED, headers=Headers([("accept", "text/html")])))


def test_a_replay_bears_the_headers_that_were_sent(tmp_path: Path) -> None:
    sent = Headers([("Authorization", "Bearer sesame-open-1"), ("accept", "a/b"), ("host", "x")])
    found = Cassette.load(stored(tmp_path, answered(request=replace(ASKED, headers=sent)))).take(
        replace(ASKED, headers=Headers([("Accept", "c/d")]))
    )
    assert found is not None
    assert list(found.request.headers) == [("Accept", "c/d"), ("authorization", "Bearer [key]")]


def test_who_asked_is_kept(tmp_path: Path) -> None:
    made = replace(answered(), model="acme-large", probe="chat.basic", retried=True)
    found = taken(tmp_path, made)
    assert (found.provider, found.model, found.probe) == ("acme", "acme-large", "chat.basic")
    assert found.retried


def test_what_is_added_is_appended_to_what_was_loaded(tmp_path: Path) -> None:
    path = stored(tmp_path, answered(b"1"))
    Cassette.load(path).add(answered(b"2"))
    assert [response(one).body for one in exchanges(path)] == [b"1", b"2"]
    Cassette(path).add(answered(b"3"))
    assert [response(one).body for one in exchanges(path)] == [b"3"]
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = stored(tmp_path, answered(b"1"))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        Cassette.load(path).add(answered(b"2"))
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_nearest_recording_is_described(tmp_path: Path) -> None:
    elsewhere = replace(ASKED, url="https://api.example.com/v1/models", body=b"")
    store = Cassette.load(stored(tmp_path, answered(request=elsewhere), answered()))
    near = store.nearest(replace(ASKED, body=b'{"n":2,"stop":" 7","seed":1}'))
    assert near == (
        "the nearest of 2, number 2, differs: "
        'seed is 1, recorded missing; stop is " 7", recorded "7"'
    )
    elsewhere = replace(elsewhere, body=ASKED.body)
    assert "number 1, differs: body is missing" in store.nearest(elsewhere)
    assert "written differently" in store.nearest(replace(ASKED, body=b'{"n":2, "stop":"7"}'))
    assert "number 1, differs: method" in store.nearest(replace(elsewhere, method="PUT"))
    assert store.nearest(ASKED) == "it was recorded 1 times and asked once more"
    assert "body is" in store.nearest(replace(ASKED, body=b"{not json"))
    assert Cassette(tmp_path / "new.yaml").nearest(ASKED) == "the cassette is empty"


def test_a_missing_cassette(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Cassette.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_a_cassette_that_was_cut_is_bad(tmp_path: Path, keep: float) -> None:
    path = stored(tmp_path, answered(), answered(b"two\nlines\n"))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    with pytest.raises(BadCassette, match=r"chat\.basic\.yaml: .*record it again"):
        Cassette.load(path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("string: '2'", "string: '22'", "the body has 2 bytes"),
        ("250+1", "250+1 9+9", "the recorded chunks 10"),
        ("250+1", "soon", r"recording\.chunks is not"),
        ("250+1", "250+99999999999999999999", r"recording\.chunks is not"),
        ("source: live", "source: [live]", "not recorded by this program"),
        ("source: live", "source: moon", "not recorded by this program"),
        ("source: live", "source: recording", "not recorded by this program"),
        ("source: live", "source: live\n      error: 1", r"recording\.error is not"),
        ("source: live", "source: live\n      error: {kind: a, message: b, ms: .inf}", "error"),
        ("source: live", "source: live\n      software: [1]", "software is not a string"),
        ("source: live", "source: live\n      encoded: 1", "headers are"),
        ("interactions:", "interactions: [", "not YAML"),
        ("interactions:", "other:", "no recorded exchange"),
    ],
)
def test_a_cassette_that_was_edited_is_bad(tmp_path: Path, old: str, new: str, why: str) -> None:
    text = (
        stored(tmp_path, answered(b"2")).read_text().replace("string: |-\n        2", "string: '2'")
    )
    assert old in text
    path = write(tmp_path / "c.yaml", text.replace(old, new))
    with pytest.raises(BadCassette, match=why):
        Cassette.load(path)


def test_the_cassette_of_another_program_is_bad(tmp_path: Path) -> None:
    with pytest.raises(BadCassette, match="not recorded by this program"):
        Cassette.load(cassette(tmp_path / "c.yaml", interaction("a")))


def test_anybody_reads_our_cassettes_as_recorded_traffic(tmp_path: Path) -> None:
    path = stored(tmp_path, answered())
    found = only(path)
    assert found.provider == "acme"
    assert found.session == str(path.parent)
    assert found.provenance == replace(LIVE, origin=f"{path}:2#1")
    assert response(found).chunks == (Chunk(b"{}", 0.25),)
    write(path, path.read_text().replace("250+2", "250+3"))
    assert outcome(path) == [
        "chat.basic.yaml:2: entry 1: the body has 2 bytes and the recorded chunks 3"
    ]


def test_vcrpy_is_imported_by_who_records_only_and_logs_nothing(tmp_path: Path) -> None:
    source = "import sys, conformance.traffic.cassettes; assert 'vcr' not in sys.modules"
    subprocess.run([sys.executable, "-c", source], check=True)  # noqa: S603  # our own words
    stored(tmp_path, answered())
    assert not logging.getLogger("vcr.cassette").isEnabledFor(logging.INFO)
