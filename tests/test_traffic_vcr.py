"""Cassettes of vcrpy and of Ruby's VCR become exchanges."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # brotli ships no types
import httpx
import pytest
import vcr  # type: ignore[import-untyped]  # vcrpy ships no types
import yaml
from hypothesis import given
from hypothesis import strategies as st
from recordings import STRIPPED, URL, body, cassette, exchanges, interaction, only, response, write
from vcr.request import Request as VcrRequest  # type: ignore[import-untyped]  # as above
from vcr.serialize import serialize  # type: ignore[import-untyped]  # as above
from vcr.serializers import (  # type: ignore[import-untyped]  # as above
    jsonserializer,
    yamlserializer,
)

from conformance.model import Evidence, Exchange, Source

BODY = '{"id":"chatcmpl-1","text":"naïve \u2028 😀"}'.encode()
ENCODE = {
    "": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
}


def record(path: Path, encoding: str, **options: str) -> Path:
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
    return path


@pytest.mark.parametrize("encoding", ENCODE)
def test_what_vcrpy_records_reads_back(tmp_path: Path, encoding: str) -> None:
    exchange = only(record(tmp_path / "c.yaml", encoding))
    assert exchange.request.method == "POST"
    assert exchange.request.url == URL
    assert json.loads(exchange.request.body) == {"model": "é"}
    assert exchange.request.headers.get("content-type") == "application/json"
    assert exchange.provider == "api.example.com"
    assert response(exchange).status == 200
    assert response(exchange).body == BODY
    assert response(exchange).headers.get("content-encoding") is None
    assert ("content-length" in response(exchange).headers) == (not encoding)
    assert exchange.provenance.source is Source.RECORDING
    assert exchange.provenance.origin == f"{tmp_path}/c.yaml:2#1"
    assert exchange.provenance.recorded_at == "2023-08-14T15:02:13+00:00"
    assert exchange.provenance.lacks == STRIPPED
    assert exchange.session == str(tmp_path / "c.yaml")


def test_what_vcrpy_records_as_json_reads_back(tmp_path: Path) -> None:
    assert body(only(record(tmp_path / "c.json", "", serializer="json"))) == BODY


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_both_serializers_of_vcrpy(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    folder = tmp_path_factory.mktemp("any")
    status = {"code": 200, "message": "OK"}
    for suffix, serializer in {"yaml": yamlserializer, "json": jsonserializer}.items():
        recorded = {
            "requests": [VcrRequest("POST", URL, text, {})],
            "responses": [
                {"status": status, "headers": {}, "body": {"string": text.encode()}},
            ],
        }
        exchange = only(write(folder / f"c.{suffix}", serialize(recorded, serializer)))
        assert body(exchange) == text.encode()
        assert exchange.request.body == text.encode()


def replayed(folder: Path, stored: object, headers: object = None, **more: object) -> Exchange:
    """The exchange of a cassette that stores this response."""
    return only(cassette(folder / "c.yaml", interaction(stored, headers, **more)))


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
    assert body(replayed(tmp_path, stored)) == want


def test_a_parsed_body_has_lost_its_bytes(tmp_path: Path) -> None:
    headers = {"content-encoding": ["gzip"], "content-length": ["99"], "x-kept": ["1"]}
    exchange = replayed(tmp_path, None, headers, parsed_body={"é": [1, 2.5, None]})
    assert body(exchange) == '{"é":[1,2.5,null]}'.encode()
    assert exchange.provenance.lacks == STRIPPED | {Evidence.BODY}
    assert list(response(exchange).headers) == [("x-kept", "1")]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, br"])
def test_a_body_that_its_recorder_decoded_is_taken_as_it_is(tmp_path: Path, encoding: str) -> None:
    headers = {"Content-Encoding": [encoding], "Content-Length": ["9999"]}
    exchange = replayed(tmp_path, BODY.decode(), headers)
    assert body(exchange) == BODY
    assert not response(exchange).headers.pairs


def test_encodings_are_undone_from_the_last_to_the_first(tmp_path: Path) -> None:
    packed = brotli.compress(gzip.compress(BODY))
    assert body(replayed(tmp_path, packed, {"content-encoding": ["gzip, br"]})) == BODY


def test_deflate_without_its_wrapping(tmp_path: Path) -> None:
    packed = zlib.compress(BODY, wbits=-zlib.MAX_WBITS)
    assert body(replayed(tmp_path, packed, {"content-encoding": "deflate"})) == BODY


def test_repeated_headers_keep_their_order(tmp_path: Path) -> None:
    exchange = replayed(tmp_path, "", {"set-cookie": ["a", "b"], "x": "1"})
    assert list(response(exchange).headers) == [
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("x", "1"),
    ]


def test_an_anchor_of_one_interaction_serves_the_next(tmp_path: Path) -> None:
    shared = {"X-Shared": ["yes"]}
    path = cassette(tmp_path / "c.yaml", interaction("a", shared), interaction("b", shared))
    assert "*id001" in path.read_text()
    first, second = exchanges(path)
    assert list(response(first).headers) == list(response(second).headers) == [("X-Shared", "yes")]
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
    assert response(exchange).status == 201
    assert response(exchange).headers.get("x-old") == "yes"
    assert response(exchange).body == b'{"a":1}'
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
    path = record(tmp_path / "c.yaml", "gzip")
    fast = only(path)
    monkeypatch.setattr("conformance.traffic.yamlstream._LOADER", yaml.SafeLoader)
    assert only(path) == fast


def test_the_header_names_that_vcrpy_writes_for_aiohttp_are_strings(tmp_path: Path) -> None:
    text = f"""
interactions:
- request: {{body: null, headers: {{}}, method: GET, uri: '{URL}'}}
  response:
    body: {{string: 'x'}}
    headers:
      ? !!python/object/apply:multidict._multidict.istr
      - Content-Type
      : - text/plain
    status: {{code: 200, message: OK}}
version: 1
"""
    found = only(write(tmp_path / "x.yaml", text))
    assert response(found).headers.get("content-type") == "text/plain"
