"""Recorded traffic of anybody becomes exchanges that say what was sent and what was lost."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import brotli  # type: ignore[import-untyped]  # because brotli ships no types
import httpx
import pytest
import vcr  # type: ignore[import-untyped]  # because vcrpy ships no types
import yaml
from hypothesis import given
from hypothesis import strategies as st
from vcr.request import Request as VcrRequest  # type: ignore[import-untyped]  # as above
from vcr.serialize import serialize  # type: ignore[import-untyped]  # as above
from vcr.serializers import jsonserializer  # type: ignore[import-untyped]  # as above

from conformance.model import Evidence, Exchange, Failure, Source
from conformance.traffic import Unreadable, find, read

URL = "https://api.example.com/v1/chat/completions"
BODY = '{"id":"chatcmpl-1","text":"naïve \u2028 😀"}'.encode()
ENCODE = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}
STRIPPED = {Evidence.HEADERS, Evidence.TAIL, Evidence.TIMING, Evidence.FRESH}


def exchanges(path: Path) -> list[Exchange]:
    found = list(read(path))
    assert not [str(one) for one in found if isinstance(one, Unreadable)]
    return [one for one in found if isinstance(one, Exchange)]


def only(path: Path) -> Exchange:
    [exchange] = exchanges(path)
    return exchange


def body(exchange: Exchange) -> bytes:
    assert exchange.response is not None
    return exchange.response.body


def write(path: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def line(**members: object) -> dict[str, object]:
    shape = {"host": "api.example.com", "method": "POST", "path": "/v1/chat/completions"}
    return {**shape, "status": 200, "response_body": {"a": 1}, **members}


def interaction(response_body: object, headers: object = None, **response: object) -> Any:
    status = {"code": 200, "message": "OK"}
    request = {"method": "POST", "uri": URL, "body": '{"n":2}', "headers": {"Accept": ["*/*"]}}
    got = {"status": status, "headers": headers or {}, "body": response_body, **response}
    return {"request": request, "response": got}


def cassette(path: Path, *interactions: object) -> Path:
    text = yaml.safe_dump({"interactions": list(interactions), "version": 1}, allow_unicode=True)
    return write(path, text)


# -- vcrpy


def record(path: Path, encoding: str, **options: str) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        headers = {"content-type": "application/json", "date": "Mon, 14 Aug 2023 15:02:13 GMT"}
        if encoding:
            headers["content-encoding"] = encoding
        return httpx.Response(200, headers=headers, content=ENCODE[encoding](BODY))

    with (
        vcr.use_cassette(str(path), **options),
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
    ):
        client.post(URL, json={"model": "é"})


@pytest.mark.parametrize("encoding", ENCODE)
def test_what_vcrpy_records_reads_back(tmp_path: Path, encoding: str) -> None:
    record(tmp_path / "c.yaml", encoding)
    exchange = only(tmp_path / "c.yaml")
    assert exchange.request.method == "POST"
    assert exchange.request.url == URL
    assert json.loads(exchange.request.body) == {"model": "é"}
    assert exchange.request.headers.get("content-type") == "application/json"
    assert exchange.provider == "api.example.com"
    assert exchange.response is not None
    assert exchange.response.status == 200
    assert exchange.response.body == BODY
    assert exchange.response.headers.get("content-encoding") is None
    assert ("content-length" in exchange.response.headers) == (not encoding)
    assert exchange.provenance.source is Source.RECORDING
    assert exchange.provenance.origin == f"{tmp_path}/c.yaml:2#1"
    assert exchange.provenance.recorded_at == "2023-08-14T15:02:13+00:00"
    assert exchange.provenance.lacks == STRIPPED
    assert exchange.session == str(tmp_path / "c.yaml")


def test_what_vcrpy_records_as_json_reads_back(tmp_path: Path) -> None:
    record(tmp_path / "c.json", "", serializer="json")
    assert body(only(tmp_path / "c.json")) == BODY


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_both_serializers_of_vcrpy(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    for suffix, serializer in {
        "yaml": vcr.serializers.yamlserializer,
        "json": jsonserializer,
    }.items():
        cassette_dict = {
            "requests": [VcrRequest("POST", URL, text, {})],
            "responses": [
                {
                    "status": {"code": 200, "message": "OK"},
                    "headers": {},
                    "body": {"string": text.encode()},
                }
            ],
        }
        path = folder / f"c.{suffix}"
        path.write_bytes(serialize(cassette_dict, serializer).encode())
        exchange = only(path)
        assert body(exchange) == text.encode()
        assert exchange.request.body == text.encode()


@pytest.mark.parametrize(
    ("stored", "want"),
    [
        (None, b""),
        ("plain", b"plain"),
        (b"\xff\x00", b"\xff\x00"),
        ({"string": "inside"}, b"inside"),
        ({"string": None}, b""),
        ({"encoding": "UTF-8", "string": "ruby"}, b"ruby"),
        ({"encoding": "ASCII-8BIT", "base64_string": "AP8="}, b"\x00\xff"),
        (["two ", b"pieces"], b"two pieces"),
    ],
)
def test_every_way_to_store_a_body(tmp_path: Path, stored: object, want: bytes) -> None:
    assert body(only(cassette(tmp_path / "c.yaml", interaction(stored)))) == want


def test_a_parsed_body_has_lost_its_bytes(tmp_path: Path) -> None:
    headers = {"content-encoding": ["gzip"], "content-length": ["99"], "x-kept": ["1"]}
    one = interaction(None, headers, parsed_body={"é": [1, 2.5, None]})
    exchange = only(cassette(tmp_path / "c.yaml", one))
    assert body(exchange) == '{"é":[1,2.5,null]}'.encode()
    assert exchange.provenance.lacks == STRIPPED | {Evidence.BODY}
    assert exchange.response is not None
    assert list(exchange.response.headers) == [("x-kept", "1")]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_a_body_that_its_recorder_decoded_is_taken_as_it_is(tmp_path: Path, encoding: str) -> None:
    headers = {"Content-Encoding": [encoding], "Content-Length": ["9999"]}
    exchange = only(cassette(tmp_path / "c.yaml", interaction(BODY.decode(), headers)))
    assert body(exchange) == BODY
    assert exchange.response is not None
    assert not exchange.response.headers.pairs


def test_encodings_are_undone_from_the_last_to_the_first(tmp_path: Path) -> None:
    one = interaction(brotli.compress(gzip.compress(BODY)), {"content-encoding": ["gzip, br"]})
    assert body(only(cassette(tmp_path / "c.yaml", one))) == BODY


def test_deflate_without_its_wrapping(tmp_path: Path) -> None:
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    one = interaction(machine.compress(BODY) + machine.flush(), {"content-encoding": "deflate"})
    assert body(only(cassette(tmp_path / "c.yaml", one))) == BODY


def test_repeated_headers_keep_their_order(tmp_path: Path) -> None:
    one = interaction("", {"set-cookie": ["a", "b"], "x": "1"})
    exchange = only(cassette(tmp_path / "c.yaml", one))
    assert exchange.response is not None
    assert list(exchange.response.headers) == [("set-cookie", "a"), ("set-cookie", "b"), ("x", "1")]


def test_an_anchor_of_one_interaction_serves_the_next(tmp_path: Path) -> None:
    shared = {"X-Shared": ["yes"]}
    path = cassette(tmp_path / "c.yaml", *[interaction("a", shared), interaction("b", shared)])
    assert "*id001" in path.read_text()
    first, second = exchanges(path)
    assert first.response is not None
    assert second.response is not None
    assert first.response.headers == second.response.headers
    assert first.id != second.id


RUBY = """---
http_interactions:
- request:
    method: post
    uri: https://api.example.com/v1/chat/completions
    body:
      encoding: UTF-8
      string: '{"model":"x"}'
    headers:
      Accept:
      - "*/*"
  response:
    status:
      code: 201
      message: Created
    headers:
      !binary "WC1PbGQ=":
      - !binary |-
        eWVz
    body:
      encoding: ASCII-8BIT
      string: !binary |-
        eyJhIjoxfQ==
  recorded_at: Mon, 14 Aug 2023 15:02:13 GMT
recorded_with: VCR 6.1.0
"""


def test_a_cassette_of_ruby_vcr(tmp_path: Path) -> None:
    exchange = only(write(tmp_path / "c.yml", RUBY))
    assert exchange.request.method == "POST"
    assert exchange.request.body == b'{"model":"x"}'
    assert exchange.response is not None
    assert exchange.response.status == 201
    assert exchange.response.headers.get("x-old") == "yes"
    assert exchange.response.body == b'{"a":1}'
    assert exchange.provenance.recorded_at == "2023-08-14T15:02:13+00:00"
    assert exchange.provenance.origin.endswith("c.yml:3#1")


def test_a_list_at_the_top_and_string_tags_of_old_vcrpy(tmp_path: Path) -> None:
    text = f"""
- request: {{method: GET, uri: !!python/unicode '{URL}', body: null, headers: {{}}}}
  response:
    status: {{code: 200, message: OK}}
    headers: {{}}
    body: {{string: !!python/str 'old'}}
"""
    exchange = only(write(tmp_path / "c.yaml", text))
    assert exchange.request.url == URL
    assert body(exchange) == b"old"


def test_dates_and_numbers_that_yaml_would_change_stay_text(tmp_path: Path) -> None:
    text = f"""
interactions:
- request: {{method: GET, uri: '{URL}', headers: {{}}}}
  response: {{status: {{code: 200}}, parsed_body: {{on: 2024-08-06, n: 1_0, x: [.5, true, ~]}}}}
"""
    assert body(only(write(tmp_path / "c.yaml", text))) == (
        b'{"true":"2024-08-06","n":10,"x":[0.5,true,null]}'
    )


def test_without_libyaml_the_result_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "c.yaml", "gzip")
    fast = exchanges(tmp_path / "c.yaml")
    monkeypatch.setattr("conformance.traffic.yamlstream._LOADER", yaml.SafeLoader)
    assert exchanges(tmp_path / "c.yaml") == fast


def test_one_file_may_mix_shapes(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "x.jsonl", line(), interaction("a"), har_entry({"text": "x"}))
    assert [body(one) for one in exchanges(path)] == [b'{"a":1}', b"a", b"x"]


# -- HAR


def har(*entries: object) -> dict[str, object]:
    creator = {"name": "x", "comment": '"entries": [{'}
    return {"log": {"version": "1.2", "creator": creator, "pages": [{}], "entries": list(entries)}}


def har_entry(content: object, status: int = 200, **sent: object) -> dict[str, object]:
    fields = [{"name": ":status", "value": "200"}, {"name": "Content-Encoding", "value": "br"}]
    fields.append({"name": "X-Id", "value": "7"})
    return {
        "startedDateTime": "2026-01-02T03:04:05.678Z",
        "request": {"method": "POST", "url": URL, "headers": [], **sent},
        "response": {"status": status, "headers": fields, "content": content},
    }


def test_a_har_entry(tmp_path: Path) -> None:
    posted = {"mimeType": "application/json", "text": '{"model":"é"}'}
    log = har(har_entry({"size": 3, "text": "hé"}, postData=posted))
    exchange = only(write(tmp_path / "x.har", log))
    assert exchange.request.body == '{"model":"é"}'.encode()
    assert exchange.response is not None
    assert list(exchange.response.headers) == [("X-Id", "7")]
    assert exchange.response.body == "hé".encode()
    assert exchange.provenance.recorded_at == "2026-01-02T03:04:05.678Z"
    assert exchange.provenance.lacks == STRIPPED
    assert exchange.provider == "api.example.com"


def test_har_bodies_in_base64_and_forms(tmp_path: Path) -> None:
    content = {"size": 2, "text": base64.b64encode(b"\xff\x00").decode(), "encoding": "base64"}
    posted = {"params": [{"name": "a", "value": "1 2"}, {"name": "b", "value": "é"}]}
    exchange = only(write(tmp_path / "x.har", har(har_entry(content, postData=posted))))
    assert body(exchange) == b"\xff\x00"
    assert exchange.request.body == b"a=1+2&b=%C3%A9"


def test_har_without_a_response_is_a_failure(tmp_path: Path) -> None:
    exchange = only(write(tmp_path / "x.har", har(har_entry({"size": 0}, status=0))))
    assert exchange.response is None
    assert exchange.failure == Failure("no_response", "the log holds no response")


def test_a_body_left_out_of_a_har_is_not_an_empty_body(tmp_path: Path) -> None:
    log = har(har_entry({"size": 812}), har_entry({"size": 0}))
    left_out, empty = read(write(tmp_path / "x.har", log))
    assert isinstance(left_out, Unreadable)
    assert left_out.reason == (
        "entry 1: the response body was left out of the log (content.size is 812)"
    )
    assert isinstance(empty, Exchange)
    assert body(empty) == b""


@pytest.mark.parametrize("indent", [None, 2])
def test_lines_and_numbers_in_a_har(tmp_path: Path, indent: int | None) -> None:
    log = har(har_entry({"text": 'a "quoted" \\ text'}), har_entry({"text": "}]"}))
    path = write(tmp_path / "x.har", json.dumps(log, indent=indent))
    lines = path.read_text().splitlines()
    for number, exchange in enumerate(exchanges(path), 1):
        where, _, entry = exchange.provenance.origin.partition("#")
        at = int(where.rpartition(":")[2])
        assert entry == str(number)
        assert "{" in lines[at - 1]
        assert indent is None or '"startedDateTime"' in lines[at]


# -- exchange jsonl


def jsonl(path: Path, *objects: object) -> Path:
    return write(path, "".join(json.dumps(one) + "\n" for one in objects))


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
    assert exchange.response is not None
    assert exchange.response.body == b'{"a":1}'
    assert list(exchange.response.headers) == [("content-type", "application/json")]
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
    assert exchange.response is not None
    assert [chunk.at for chunk in exchange.response.chunks] == [0.25, 0.5, None]
    assert exchange.response.body == "data: éé\n\n".encode()
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


# -- files


def test_the_form_is_told_by_content_and_suffix(tmp_path: Path) -> None:
    vcr_json = {"version": 1, "interactions": [interaction("a")]}
    yaml_text = yaml.safe_dump(vcr_json)
    exchange_line = json.dumps(line()) + "\n"
    contents = {
        "lines.jsonl": exchange_line,
        "lines.ndjson": "\ufeff" + exchange_line + "\n\r\n",
        "lines.txt": exchange_line,
        "cassette.yaml": yaml_text,
        "cassette.txt": yaml_text,
        "yaml.json": yaml_text,
        "json.yaml": json.dumps(vcr_json, indent=1),
        "json": json.dumps(vcr_json),
        "list.json": json.dumps([line()]),
        "bom.har": "\ufeff" + json.dumps(har(har_entry({"text": "x"}))),
    }
    for name, text in contents.items():
        assert only(write(tmp_path / name, text)), name
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(text.encode()))
        assert only(packed), name


def test_find_takes_what_it_knows_in_order(tmp_path: Path) -> None:
    names = ["a.yaml", "b/a.HAR", "b/c.jsonl.gz", "b/d/e.yml", "c.json", "d.ndjson"]
    passed_over = ["a.txt", "b/.git/a.yaml", ".hidden/a.yaml", "e.gz", "yaml"]
    for name in names + passed_over:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "x.yaml").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert list(find([tmp_path])) == [tmp_path / name for name in names]


def test_find_gives_a_named_file_whatever_its_name(tmp_path: Path) -> None:
    odd = write(tmp_path / "recording.bin", "")
    assert list(find([odd, tmp_path])) == [odd]
    with pytest.raises(FileNotFoundError):
        list(find([tmp_path / "absent"]))


def test_the_corpus_reads_without_loss(corpus: Path) -> None:
    found = [one for path in find([corpus / "recordings"]) for one in read(path)]
    assert [str(one) for one in found if isinstance(one, Unreadable)] == []
    assert len(found) == 5316
    documented = exchanges(corpus / "documented_examples.jsonl")
    assert {one.provenance.source for one in documented} == {Source.DOCUMENTED}
