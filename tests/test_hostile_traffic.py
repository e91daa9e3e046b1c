"""Whatever a file holds, reading it ends, stays small, and says what was unreadable, and where."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import brotli  # type: ignore[import-untyped]  # because brotli ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import Exchange
from conformance.traffic import Unreadable, read

MIB = 1 << 20
URL = "https://api.example.com/v1/models"
GOOD_LINE = b'{"host":"api.example.com","path":"/v1/models","method":"GET","status":200}\n'
GOOD_YAML = f"""
- request: {{method: GET, uri: '{URL}', headers: {{}}, body: null}}
  response: {{status: {{code: 200}}, headers: {{}}, body: {{string: fine}}}}
"""


@contextmanager
def at_most(mebibytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB


def write(path: Path, *pieces: bytes) -> Path:
    with path.open("wb") as file:
        file.writelines(pieces)
    return path


def outcome(path: Path) -> list[str]:
    """One word for each exchange, and the whole text, without the folder, of each Unreadable."""
    shown = []
    for one in read(path):
        if isinstance(one, Exchange):
            shown.append("exchange")
        else:
            assert isinstance(one, Unreadable)
            shown.append(str(one).removeprefix(f"{path.parent}/"))
    return shown


def yaml_file(path: Path, bad: str) -> Path:
    return write(path, f"interactions:{GOOD_YAML}{bad}{GOOD_YAML}version: 1\n".encode())


# -- size


def test_a_line_of_100_mib_costs_one_line(tmp_path: Path) -> None:
    huge = [b'{"response_body":"', *[b"x" * MIB] * 100, b'"}\n']
    path = write(tmp_path / "x.jsonl", GOOD_LINE, *huge, GOOD_LINE)
    with at_most(100):
        assert outcome(path) == ["exchange", "x.jsonl:2: larger than 33554432 bytes", "exchange"]


def test_a_line_without_end(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", GOOD_LINE, *[b" " * MIB] * 100)
    with at_most(100):
        assert outcome(path) == ["exchange", "x.jsonl:2: larger than 33554432 bytes"]


@pytest.mark.parametrize("inside", [b"x" * MIB, b"[]," * (MIB // 3), b"{" * MIB, b"\\\\\\u00e9"])
def test_an_entry_of_a_json_file_that_is_too_large(tmp_path: Path, inside: bytes) -> None:
    good = b'{"host":"h.example","path":"/","status":200}'
    closing = b"}" * (MIB * 40) if inside[:1] == b"{" else b""
    quote = b'"' if inside[:1] in b"x\\" else b""
    bad = [b'\n,{"x":[', quote, *[inside] * (40 * MIB // len(inside)), quote, closing, b"]}"]
    path = write(tmp_path / "x.json", b"[", good, *bad, b"\n,", good, b"]")
    with at_most(120):
        assert outcome(path) == [
            "exchange",
            "x.json:2: entry 2: larger than 33554432 bytes",
            "exchange",
        ]


def test_a_yaml_scalar_that_is_too_large_ends_its_file(tmp_path: Path) -> None:
    pieces = [b"- 'x", *[b"y" * MIB] * 60, b"'\n"]
    path = write(tmp_path / "x.yaml", f"interactions:{GOOD_YAML}".encode(), *pieces)
    assert outcome(path) == ["exchange", "x.yaml:4: larger than 33554432 bytes"]


def test_an_interaction_of_too_many_nodes_costs_itself(tmp_path: Path) -> None:
    path = yaml_file(tmp_path / "x.yaml", f"- [{'a,' * 270_000}]")
    with at_most(100):
        assert outcome(path) == [
            "exchange",
            "x.yaml:4: entry 2: larger than 33554432 bytes",
            "exchange",
        ]


def test_a_yaml_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.traffic.yamlstream.MAX_YAML", 1 << 18)
    path = write(tmp_path / "x.yaml", b"interactions:", GOOD_YAML.encode() * 5000)
    *read_before, last = outcome(path)
    assert set(read_before) == {"exchange"}
    assert last.endswith("a YAML file larger than 262144 bytes")


def test_anchors_that_would_stay_in_memory(tmp_path: Path) -> None:
    text = "".join(f"- &a{n} '{'x' * MIB}'\n" for n in range(40))
    *_, last = outcome(write(tmp_path / "x.yaml", text.encode()))
    assert last == "x.yaml:32: anchors hold more than 33554432 bytes"


# -- bombs


def test_aliases_that_multiply(tmp_path: Path) -> None:
    bomb = "- bomb:\n  - &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for n in range(1, 12):
        bomb += f"  - &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
    with at_most(20):
        assert outcome(yaml_file(tmp_path / "x.yaml", bomb)) == [
            "exchange",
            "x.yaml:4: entry 2: larger than 33554432 bytes",
            "exchange",
        ]


@pytest.mark.parametrize("bad", ["- &a [*a]", "- *nowhere"])
def test_an_alias_of_nothing_yet(tmp_path: Path, bad: str) -> None:
    first, middle, last = outcome(yaml_file(tmp_path / "x.yaml", bad))
    assert (first, last) == ("exchange", "exchange")
    assert middle.endswith("has no value before it")


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.json.gz", "x.yaml.gz", "x.gz"])
def test_a_file_that_unpacks_to_200_mib_of_zeros(tmp_path: Path, name: str) -> None:
    machine = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    pieces = [machine.compress(bytes(MIB)) for _ in range(200)]
    with at_most(100):
        assert len(outcome(write(tmp_path / name, *pieces, machine.flush()))) == 1


def test_a_file_that_unpacks_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.traffic.source.MAX_UNPACKED", 1 << 17)
    path = write(tmp_path / "x.jsonl.gz", gzip.compress(GOOD_LINE * 5000))
    *read_before, last = outcome(path)
    assert set(read_before) == {"exchange"}
    assert last == "x.jsonl.gz: expands beyond 131072 bytes"


def encoded(body: bytes, encoding: str) -> str:
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
        ("gzip", gzip.compress(ZEROS), "a gzip body expands beyond 33554432 bytes"),
        ("deflate", zlib.compress(ZEROS), "a deflate body expands beyond 33554432 bytes"),
        ("br", brotli.compress(ZEROS, quality=5), "a br body expands beyond 33554432 bytes"),
        ("gzip", gzip.compress(b"x" * 999)[:-9], "a body ends in the middle of gzip data"),
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
    path = yaml_file(tmp_path / "x.yaml", encoded(data, encoding))
    with at_most(120):
        first, middle, last = outcome(path)
    assert (first, last) == ("exchange", "exchange")
    assert middle.startswith(f"x.yaml:5: entry 2: {reason}")


# -- depth, numbers, text


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_100_000_levels_in_a_line(tmp_path: Path, opening: str) -> None:
    deep = '{"host":"h","path":"/","response_body":' + opening * 100_000 + "\n"
    path = write(tmp_path / "x.jsonl", GOOD_LINE, deep.encode(), GOOD_LINE)
    assert outcome(path) == ["exchange", "x.jsonl:2: nested too deeply", "exchange"]


def test_upstreams_of_upstreams(tmp_path: Path) -> None:
    one: dict[str, object] = {"host": "h", "path": "/", "status": 200}
    for _ in range(290):
        one = {**one, "upstream": [one]}
    path = write(tmp_path / "x.jsonl", json.dumps(one).encode(), b"\n", GOOD_LINE)
    assert outcome(path)[-1] == "exchange"


def test_100_000_levels_in_a_json_file(tmp_path: Path) -> None:
    entry = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path = write(tmp_path / "x.json", b"[", entry, b",", GOOD_LINE, b"]")
    assert outcome(path) == ["x.json:1: entry 1: nested too deeply", "exchange"]
    path = write(tmp_path / "y.json", b'{"a":' * 100_000)
    assert outcome(path) == ["y.json:1: nested too deeply"]


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_100_000_levels_in_yaml(tmp_path: Path, opening: str) -> None:
    path = write(tmp_path / "x.yaml", f"interactions:{GOOD_YAML}- {opening * 100_000}".encode())
    assert outcome(path) == ["exchange", "x.yaml:4: nested too deeply"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("NaN", "not JSON: NaN"),
        ("-Infinity", "not JSON: -Infinity"),
        ("1e999", "holds a number that is out of range"),
        ("9" * 5000, "holds a number of too many digits"),
        ("", "not JSON: Expecting value at character 39"),
    ],
)
def test_values_that_json_does_not_have(tmp_path: Path, value: str, reason: str) -> None:
    bad = f'{{"host":"h","path":"/","response_body":{value}}}'.encode()
    path = write(tmp_path / "x.jsonl", GOOD_LINE, bad, b"\n", GOOD_LINE)
    assert outcome(path) == ["exchange", f"x.jsonl:2: {reason}", "exchange"]
    path = write(tmp_path / "x.json", b"[", GOOD_LINE, b",", bad, b",", GOOD_LINE, b"]")
    assert outcome(path) == ["exchange", f"x.json:2: entry 2: {reason}", "exchange"]


@pytest.mark.parametrize("value", [".nan", ".inf", "9" * 5000, "1" + ":1" * 300, "!!int x"])
def test_numbers_that_yaml_has_and_json_does_not(tmp_path: Path, value: str) -> None:
    bad = f"""
- request: {{method: GET, uri: '{URL}', headers: {{}}}}
  response: {{status: {{code: 200}}, parsed_body: [{value}]}}
"""
    first, middle, last = outcome(yaml_file(tmp_path / "x.yaml", bad))
    assert (first, last) == ("exchange", "exchange")
    assert "entry 2: holds a value that JSON can't" in middle or "entry 2: not a" in middle


def test_half_surrogate_pairs(tmp_path: Path) -> None:
    line = '{"host":"h","path":"/\\ud800","status":200,"response_body":%s}\n'
    texts = [line % body for body in ('"\\ud800"', '{"a":"\\ud800é"}', '"\\udcff\\ud800"')]
    one, two, three = read(write(tmp_path / "x.jsonl", "".join(texts).encode()))
    for exchange in (one, two, three):
        assert isinstance(exchange, Exchange)
        assert exchange.response is not None
    assert isinstance(two, Exchange)
    assert two.response is not None
    assert two.response.body == b'{"a":"\\ud800\\u00e9"}'


def test_invalid_utf_8(tmp_path: Path) -> None:
    bad = GOOD_LINE.replace(b"models", b"mod\xffels")
    path = write(tmp_path / "x.jsonl", GOOD_LINE, bad, GOOD_LINE)
    offset = bad.index(b"\xff")
    assert outcome(path) == ["exchange", f"x.jsonl:2: not UTF-8 at byte {offset}", "exchange"]
    path = write(tmp_path / "x.yaml", b"interactions:", GOOD_YAML.encode(), b"- \xff\n")
    assert outcome(path)[-1] == "x.yaml:1: not YAML: invalid leading UTF-8 octet"


# -- tags


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system ['touch pwned']",
        "!!python/object/new:os.system ['touch pwned']",
        "!!python/object:vcr.request.Request {method: GET}",
        "!!python/name:os.system ''",
        "!!python/module:os ''",
        "!ruby/object:Gem::Installer {a: 1}",
        "!ruby/regexp /a/",
        "!!set {a}",
        "<<",
    ],
)
def test_tags_build_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)
    first, middle, last = outcome(yaml_file(tmp_path / "x.yaml", f"- request: {tag}"))
    assert (first, last) == ("exchange", "exchange")
    assert middle.startswith("x.yaml:4: entry 2: YAML tag ")
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


# -- truncated, empty, junk


@pytest.mark.parametrize("name", ["x.jsonl", "x.json", "x.har", "x.yaml", "x.jsonl.gz", "x"])
@pytest.mark.parametrize("content", [b"", b"\n \n", b"{}", b"[]", b"5"])
def test_a_file_that_holds_nothing(tmp_path: Path, name: str, content: bytes) -> None:
    [shown] = outcome(write(tmp_path / name, content))
    assert "holds no recorded exchange" in shown or "neither an exchange line" in shown


@pytest.mark.parametrize("name", ["x.jsonl.gz", "x.json.gz", "x.yaml.gz"])
def test_half_a_gzip(tmp_path: Path, name: str) -> None:
    many = {
        "x.jsonl.gz": GOOD_LINE * 9000,
        "x.json.gz": b"[" + b",".join([GOOD_LINE] * 9000) + b"]",
        "x.yaml.gz": b"interactions:" + GOOD_YAML.encode() * 900,
    }[name]
    packed = gzip.compress(many)
    *read_before, last = outcome(write(tmp_path / name, packed[: len(packed) // 2]))
    assert set(read_before) == {"exchange"}
    assert last == f"{name}: ends in the middle of gzip data"


def test_a_damaged_gzip(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", b"\x1f\x8b" + b"junk" * 99)
    assert outcome(path)[0].startswith("x.jsonl: damaged gzip data")


def test_truncated_files(tmp_path: Path) -> None:
    cut = write(tmp_path / "x.jsonl", GOOD_LINE, GOOD_LINE[:30])
    assert outcome(cut)[0] == "exchange"
    assert outcome(cut)[1].startswith("x.jsonl:2: not JSON")
    cut = write(tmp_path / "x.json", b"[", GOOD_LINE, b",", GOOD_LINE[:30])
    assert outcome(cut) == ["exchange", "x.json:2: ends in the middle of the JSON text"]
    cut = write(tmp_path / "x.yaml", b"interactions:", GOOD_YAML.encode(), b"- request: {a: 'b")
    assert outcome(cut) == [
        "exchange",
        "x.yaml:4: not YAML: found unexpected end of stream",
    ]


def test_a_folder_named_like_a_cassette(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    assert outcome(tmp_path / "x.yaml") == ["x.yaml: Is a directory"]
    assert outcome(tmp_path / "absent.yaml") == ["absent.yaml: No such file or directory"]


BAD_SHAPES = [
    {"request": {"uri": 5}},
    {"request": {"uri": "/v1/x"}},
    {"request": {"uri": "http://[::1"}},
    {"request": {"uri": URL}},
    {"request": {"uri": URL}, "response": {"status": True}},
    {"request": {"uri": URL}, "response": {"status": {"code": "2e2"}}},
    {"request": {"uri": URL}, "response": {"status": 200, "headers": 7}},
    {"request": {"uri": URL}, "response": {"status": 200, "headers": {"a": [{}]}}},
    {"request": {"uri": URL}, "response": {"status": 200, "body": 7}},
    {"request": {"uri": URL}, "response": {"status": 200, "body": {"base64_string": "é"}}},
    {"request": {"uri": URL}, "response": []},
    {"request": {"url": URL, "headers": [7]}},
    {"request": {"url": URL, "postData": "x"}},
    {"request": {"url": URL}, "response": {"status": 9000}},
    {"host": "", "path": "/"},
    {"host": "h", "path": 5},
    {"host": "h", "path": "/", "query": ["a"]},
    {"host": "h", "path": "/", "id": 5},
    {"host": "h", "path": "/", "status": 200, "chunks": "abc"},
    {"host": "h", "path": "/", "status": 200, "chunks": [["a", 1]]},
    {"host": "h", "path": "/", "failure": "x"},
    {"host": "h", "path": "/", "provenance": {"source": "dreamt"}},
    {"host": "h", "path": "/", "provenance": {"source": "live", "lacks": ["hope"]}},
    {"host": "h", "path": "/", "upstream": [5]},
]


@pytest.mark.parametrize("value", BAD_SHAPES, ids=json.dumps)
def test_a_value_of_the_wrong_shape(tmp_path: Path, value: object) -> None:
    path = write(tmp_path / "x.jsonl", json.dumps(value).encode(), b"\n", GOOD_LINE)
    bad, good = outcome(path)
    assert bad.startswith("x.jsonl:1: ")
    assert good == "exchange"


NAMES = ["request", "response", "uri", "url", "host", "path", "query", "status", "code", "headers"]
NAMES += ["name", "value", "body", "string", "base64_string", "parsed_body", "content", "text"]
NAMES += ["method", "chunks", "failure", "provenance", "upstream", "response_body", "postData"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.sampled_from([URL, "gzip", "content-encoding", "localhost:80", 200]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=30,
)
MESSAGES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
SHAPED = st.builds(
    lambda sent, got, rest: {"request": {"uri": URL, **sent}, "response": got, **rest},
    MESSAGES,
    MESSAGES,
    MESSAGES,
) | st.builds(lambda rest: {"host": "h", "path": "/", **rest}, MESSAGES)


@given(VALUES | SHAPED)
def test_no_value_raises(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    folder = tmp_path_factory.mktemp("any")
    text = json.dumps(value).encode()
    assert len(outcome(write(folder / "x.jsonl", text))) == 1
    assert outcome(write(folder / "x.json", b"[", text, b"]"))
    assert outcome(write(folder / "x.yaml", b"[", text, b"]"))


@given(st.binary(max_size=200), st.sampled_from(["x.jsonl", "x.har", "x.yaml", "x", "x.json.gz"]))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str) -> None:
    folder = tmp_path_factory.mktemp("junk")
    for start in (
        b"",
        b'{"log":{"entries":[{',
        b"interactions:\n- ",
        b"\x1f\x8b\x08\0\0\0\0\0\0\3",
    ):
        assert outcome(write(folder / name, start, data))


@given(st.data())
def test_blocks_may_fall_anywhere(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    texts = data.draw(
        st.lists(st.text(alphabet='a"\\{}[]é\n', max_size=12), min_size=1, max_size=4)
    )
    lines = [json.loads(GOOD_LINE) | {"response_body": text} for text in texts]
    text = json.dumps({"a": [{"b": texts}], "interactions": lines}, ensure_ascii=False)
    path = write(tmp_path_factory.mktemp("cut") / "x.json", text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conformance.traffic.jsonstream.BLOCK", data.draw(st.integers(1, 40)))
        got = [one for one in read(path) if isinstance(one, Exchange)]
    assert [one.response.body.decode() for one in got if one.response] == texts
