"""However much a file holds, or unpacks to, reading it stays small and ends."""

from __future__ import annotations

import base64
import gzip
import zlib
from functools import cache
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # brotli ships no types
import pytest
from recordings import GOOD_LINE, GOOD_YAML, MIB, URL, at_most, outcome, write, yaml_around

LIMIT = 2 * MIB
"""The largest entry where a test lowers the limit, to save time."""


@pytest.fixture
def _lower_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("jsonstream", "yamlstream"):
        monkeypatch.setattr(f"conformance.traffic.{module}.MAX_ENTRY", LIMIT)


# -- size


def test_a_line_of_100_mib_costs_one_line(tmp_path: Path) -> None:
    huge = [b'{"response_body":"', *[b"x" * MIB] * 100, b'"}\n']
    path = write(tmp_path / "x.jsonl", GOOD_LINE, *huge, GOOD_LINE)
    with at_most(80):
        assert outcome(path) == ["exchange", "x.jsonl:2: larger than 33554432 bytes", "exchange"]


def test_a_line_without_end(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", GOOD_LINE, *[b" " * MIB] * 100)
    with at_most(80):
        assert outcome(path) == ["exchange", "x.jsonl:2: larger than 33554432 bytes"]


@pytest.mark.usefixtures("_lower_limit")
@pytest.mark.parametrize("inside", [b"x" * MIB, b"[]," * (MIB // 3), b"{" * MIB, b"\\\\\\u00e9"])
def test_an_entry_of_a_json_file_that_is_too_large(tmp_path: Path, inside: bytes) -> None:
    size = 6 * MIB
    closing = b"}" * size if inside[:1] == b"{" else b""
    quote = b'"' if inside[:1] in b"x\\" else b""
    bad = [b'\n,{"x":[', quote, inside * (size // len(inside)), quote, closing, b"]}"]
    path = write(tmp_path / "x.json", b"[", GOOD_LINE.strip(), *bad, b"\n,", GOOD_LINE, b"]")
    with at_most(4):
        assert outcome(path) == [
            "exchange",
            f"x.json:2: entry 2: larger than {LIMIT} bytes",
            "exchange",
        ]


def test_a_yaml_scalar_that_is_too_large_ends_its_file(tmp_path: Path) -> None:
    pieces = [b"- 'x", *[b"y" * MIB] * 60, b"'\n"]
    path = write(tmp_path / "x.yaml", "interactions:", GOOD_YAML, *pieces)
    assert outcome(path) == ["exchange", "x.yaml:4: larger than 33554432 bytes"]


@pytest.mark.usefixtures("_lower_limit")
def test_an_interaction_of_too_many_nodes_costs_itself(tmp_path: Path) -> None:
    path = yaml_around(tmp_path / "x.yaml", f"- [{'[],' * 30_000}]")
    with at_most(1.5):
        assert outcome(path) == [
            "exchange",
            f"x.yaml:4: entry 2: larger than {LIMIT} bytes",
            "exchange",
        ]


def test_a_yaml_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.traffic.yamlstream.MAX_YAML", 1 << 17)
    path = write(tmp_path / "x.yaml", "interactions:", GOOD_YAML * 2000)
    *read_before, last = outcome(path)
    assert set(read_before) == {"exchange"}
    assert last.endswith("a YAML file larger than 131072 bytes")


def test_anchors_that_would_stay_in_memory(tmp_path: Path) -> None:
    anchored = (f"- &a{n} '{'x' * MIB}'\n" for n in range(40))
    *_, last = outcome(write(tmp_path / "x.yaml", *anchored))
    assert last == "x.yaml:32: anchors hold more than 33554432 bytes"


# -- bombs


def test_aliases_that_multiply(tmp_path: Path) -> None:
    bomb = "- bomb:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 12):
        bomb += f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
    with at_most(20):
        assert outcome(yaml_around(tmp_path / "x.yaml", bomb)) == [
            "exchange",
            "x.yaml:4: entry 2: larger than 33554432 bytes",
            "exchange",
        ]


@pytest.mark.parametrize("bad", ["- &a [*a]", "- *nowhere"])
def test_an_alias_of_nothing_yet(tmp_path: Path, bad: str) -> None:
    first, middle, last = outcome(yaml_around(tmp_path / "x.yaml", bad))
    assert (first, last) == ("exchange", "exchange")
    assert middle.endswith("has no value before it")


@cache
def packed_spaces() -> bytes:
    # Spaces, because no format stops at them.
    return gzip.compress(b" " * (200 * MIB), compresslevel=1)


@pytest.mark.parametrize(
    ("name", "opening", "reason"),
    [
        ("x.jsonl.gz", b"", "larger than 33554432 bytes"),
        ("x.json.gz", b'[{"a":', "ends in the middle of the JSON text"),
        ("x.yaml.gz", b"interactions:", "larger than 33554432 bytes"),
        ("x.gz", b"", "larger than 33554432 bytes"),
    ],
)
def test_a_file_that_unpacks_to_200_mib(
    tmp_path: Path, name: str, opening: bytes, reason: str
) -> None:
    path = write(tmp_path / name, gzip.compress(opening), packed_spaces())
    with at_most(100):
        assert outcome(path) == [f"{name}:1: {reason}"]


def test_a_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.traffic.source.MAX_UNPACKED", 1 << 17)
    path = write(tmp_path / "x.jsonl.gz", gzip.compress(GOOD_LINE * 5000))
    *read_before, last = outcome(path)
    assert set(read_before) == {"exchange"}
    assert last == "x.jsonl.gz: expands beyond 131072 bytes"


def encoded(body: bytes, encoding: str) -> str:
    """An interaction whose response has this body and says that it is encoded so."""
    text = f"!!binary '{base64.b64encode(body).decode()}'"
    fields = f"{{content-encoding: ['{encoding}']}}"
    return f"""
- request: {{method: GET, uri: '{URL}', headers: {{}}, body: null}}
  response: {{status: {{code: 200}}, headers: {fields}, body: {{string: {text}}}}}
"""


ZEROS = bytes(100 * MIB)


@pytest.mark.parametrize(
    ("encoding", "data", "reason"),
    [
        ("gzip", gzip.compress(ZEROS, 1, mtime=0), "a gzip body expands beyond 33554432 bytes"),
        ("deflate", zlib.compress(ZEROS, 1), "a deflate body expands beyond 33554432 bytes"),
        ("br", brotli.compress(ZEROS, quality=1), "a br body expands beyond 33554432 bytes"),
        ("gzip", gzip.compress(b"x" * 999, mtime=0)[:-9], "a body ends in the middle of gzip data"),
        ("deflate", zlib.compress(b"x" * 999)[:-5], "a body ends in the middle of deflate data"),
        ("br", brotli.compress(bytes(range(256)))[:-9], "damaged br body: it ends in the middle"),
        ("gzip", b"\x1f\x8b\xff\xff", "damaged gzip body"),
        ("zstd", b"\x28\xb5\x2f\xfd", "content-encoding 'zstd' can't be undone"),
        (", ".join(["gzip"] * 99), b"", "99 content encodings"),
    ],
)
def test_a_body_that_cannot_be_unpacked(
    tmp_path: Path, encoding: str, data: bytes, reason: str
) -> None:
    path = yaml_around(tmp_path / "x.yaml", encoded(data, encoding))
    with at_most(80):
        first, middle, last = outcome(path)
    assert (first, last) == ("exchange", "exchange")
    assert middle.startswith(f"x.yaml:5: entry 2: {reason}")
