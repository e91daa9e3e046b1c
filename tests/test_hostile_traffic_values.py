"""Values that no recorder should have written cost themselves, not what stands around them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import GOOD_LINE, GOOD_YAML, URL, body, exchanges, outcome, write, yaml_around

# -- depth, numbers, text


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_100_000_levels_in_a_line(tmp_path: Path, opening: str) -> None:
    deep = '{"host":"h","path":"/","response_body":' + opening * 100_000 + "\n"
    path = write(tmp_path / "x.jsonl", GOOD_LINE, deep, GOOD_LINE)
    assert outcome(path) == ["exchange", "x.jsonl:2: nested too deeply", "exchange"]


def test_upstreams_of_upstreams(tmp_path: Path) -> None:
    opening, closing = '{"host":"h","path":"/","status":200,"upstream":[', "]}"
    deeper = (opening * depth + closing * depth + "\n" for depth in range(300, 600, 20))
    first, *others, last = outcome(write(tmp_path / "x.jsonl", *deeper, GOOD_LINE))
    assert (first, last) == ("exchange", "exchange")
    reasons = {one.partition(": ")[2] for one in others if one != "exchange"}
    assert reasons == {"nested too deeply"}


def test_100_000_levels_in_a_json_file(tmp_path: Path) -> None:
    entry = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    path = write(tmp_path / "x.json", b"[", entry, b",", GOOD_LINE, b"]")
    assert outcome(path) == ["x.json:1: entry 1: nested too deeply", "exchange"]
    path = write(tmp_path / "y.json", b'{"a":' * 100_000)
    assert outcome(path) == ["y.json:1: nested too deeply"]


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_100_000_levels_in_yaml(tmp_path: Path, opening: str) -> None:
    path = write(tmp_path / "x.yaml", f"interactions:{GOOD_YAML}- {opening * 100_000}")
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
    bad = f'{{"host":"h","path":"/","response_body":{value}}}'
    path = write(tmp_path / "x.jsonl", GOOD_LINE, bad, "\n", GOOD_LINE)
    assert outcome(path) == ["exchange", f"x.jsonl:2: {reason}", "exchange"]
    path = write(tmp_path / "x.json", b"[", GOOD_LINE, b",", bad, b",", GOOD_LINE, b"]")
    assert outcome(path) == ["exchange", f"x.json:2: entry 2: {reason}", "exchange"]


@pytest.mark.parametrize("value", [".nan", ".inf", "9" * 5000, "1" + ":1" * 300, "!!int x"])
def test_numbers_that_yaml_has_and_json_does_not(tmp_path: Path, value: str) -> None:
    bad = f"""
- request: {{method: GET, uri: '{URL}', headers: {{}}}}
  response: {{status: {{code: 200}}, parsed_body: [{value}]}}
"""
    first, middle, last = outcome(yaml_around(tmp_path / "x.yaml", bad))
    assert (first, last) == ("exchange", "exchange")
    assert "entry 2: holds a value that JSON can't" in middle or "entry 2: not a" in middle


def test_half_surrogate_pairs(tmp_path: Path) -> None:
    line = '{"host":"h","path":"/\\ud800","status":200,"response_body":%s}\n'
    bodies = ('"\\ud800"', '{"a":"\\ud800é"}', '"\\udcff\\ud800"')
    path = write(tmp_path / "x.jsonl", *(line % one for one in bodies))
    assert [body(exchange) for exchange in exchanges(path)] == [
        b"\xed\xa0\x80",
        b'{"a":"\\ud800\\u00e9"}',
        b"\xed\xb3\xbf\xed\xa0\x80",
    ]


def test_invalid_utf_8(tmp_path: Path) -> None:
    bad = GOOD_LINE.replace(b"models", b"mod\xffels")
    path = write(tmp_path / "x.jsonl", GOOD_LINE, bad, GOOD_LINE)
    offset = bad.index(b"\xff")
    assert outcome(path) == ["exchange", f"x.jsonl:2: not UTF-8 at byte {offset}", "exchange"]
    path = write(tmp_path / "x.yaml", "interactions:", GOOD_YAML, b"- \xff\n")
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
    first, middle, last = outcome(yaml_around(tmp_path / "x.yaml", f"- request: {tag}"))
    assert (first, last) == ("exchange", "exchange")
    assert middle.startswith("x.yaml:4: entry 2: YAML tag ")
    assert [path.name for path in tmp_path.iterdir()] == ["x.yaml"]


# -- shapes


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
    path = write(tmp_path / "x.jsonl", json.dumps(value), "\n", GOOD_LINE)
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
    text = json.dumps(value)
    assert len(outcome(write(folder / "x.jsonl", text))) == 1
    assert outcome(write(folder / "x.json", b"[", text, b"]"))
    assert outcome(write(folder / "x.yaml", b"[", text, b"]"))
