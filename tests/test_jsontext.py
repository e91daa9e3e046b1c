"""JSON texts are read strictly, and no text harms the reader."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import jsontext
from conformance.jsontext import Document
from conformance.model import MISSING

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
SCRAPS = st.lists(
    st.sampled_from(
        ["{", "}", "[", "]", ",", ":", '"', '"a"', "\\", "1", "-", "1e999", "NaN", "null", " ", "é"]
    ),
    max_size=12,
).map("".join)


def infinite(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(infinite, value.values()))
    if isinstance(value, list):
        return any(map(infinite, value))
    return isinstance(value, float) and math.isinf(value)


@given(VALUES)
def test_reads_what_json_writes(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        document = jsontext.parse(text)
        assert document.value == value
        assert document.error is None
        assert bool(document.constants) == infinite(value)
        assert document.duplicates == ()


@given(st.binary() | SCRAPS.map(str.encode))
def test_any_bytes_give_either_a_value_or_an_error(body: bytes) -> None:
    document = jsontext.parse(body)
    assert (document.value is MISSING) == (document.error is not None)


@given(SCRAPS | st.text(st.characters()))
def test_any_text_is_judged_as_json_does(text: str) -> None:
    document = jsontext.parse(text)
    try:
        expected = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError:
        assert document.value is MISSING
    else:
        assert repr(document.value) == repr(expected)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "The text is empty."),
        (" \r\n\t", "The text is empty."),
        ("\u00a0", "The text is not JSON: Expecting value, at line 1 column 1."),
        ('{"a":1}\n x', "The text is not JSON: Extra data, at line 2 column 2."),
        ('"a\nb"', "The text is not JSON: Invalid control character, at line 1 column 3."),
        ("[DONE]", "The text is not JSON: Expecting value, at line 1 column 2."),
        ("{} {}", "The text is not JSON: Extra data, at line 1 column 4."),
        ('"\\x"', "The text is not JSON: Invalid \\escape, at line 1 column 2."),
        ("9" * 5000, "An integer has more than 4300 digits."),
    ],
)
def test_says_in_one_sentence_what_is_wrong(text: str, error: str) -> None:
    assert jsontext.parse(text) == Document(MISSING, error)
    assert jsontext.parse(text.encode()) == Document(MISSING, error)


@pytest.mark.parametrize(
    "text",
    ["01", "+1", ".5", "1.", "0x1", "'a'", "[1,]", '{"a":1,}', "{a:1}", "True", "-NaN", "\u0661"],
)
def test_accepts_no_dialect(text: str) -> None:
    assert jsontext.parse(text).value is MISSING


@pytest.mark.parametrize("body", [b'"a\xff"', b"\xef\xbb\xbf\xff", "{}".encode("utf-16")])
def test_refuses_other_encodings(body: bytes) -> None:
    document = jsontext.parse(body)
    assert document.value is MISSING
    assert document.invalid_utf8_at == body.index(b"\xff")
    assert (
        document.error == f"The text is not UTF-8: byte 0xff at offset {body.index(bytes([255]))}."
    )
    assert document.bom == body.startswith(b"\xef\xbb\xbf")


def test_skips_one_mark_and_tells() -> None:
    for text in (b"\xef\xbb\xbf[1]", "\ufeff[1]"):
        assert jsontext.parse(text) == Document([1], bom=True)
    for text in (b"\xef\xbb\xbf" * 2 + b"[1]", "\ufeff\ufeff[1]"):
        assert jsontext.parse(text).value is MISSING


def test_accepts_lone_surrogates() -> None:
    assert jsontext.parse(rb'"\ud83d"').value == "\ud83d"
    assert jsontext.parse('"\ud83d"').value == "\ud83d"


@pytest.mark.parametrize(
    ("text", "value", "names"),
    [
        ('{"a": 1, "b": 2, "a": 3}', {"a": 3, "b": 2}, ("a",)),
        ('[{"a": 1}, {"a": 2}, {"a": {"a": 3}}]', [{"a": 1}, {"a": 2}, {"a": {"a": 3}}], ()),
        ('[{"a": 1, "\\u0061": 1, "a": 1}, {"a": 0, "a": 0}]', [{"a": 1}, {"a": 0}], ("a",)),
        ('{"a": {"b": 1, "b": 1}, "a": 0}', {"a": 0}, ("b", "a")),
    ],
)
def test_notes_duplicate_names(text: str, value: object, names: tuple[str, ...]) -> None:
    assert jsontext.parse(text) == Document(value, duplicates=names)


def test_notes_what_is_no_json_number() -> None:
    document = jsontext.parse('[NaN, Infinity, -Infinity, 1e999, -1e999, 1e308, 1e-999, "NaN"]')
    assert document.error is None
    assert document.constants == ("NaN", "Infinity", "-Infinity", "1e999", "-1e999")
    assert math.isnan(document.value[0])
    assert document.value[1:] == [math.inf, -math.inf, math.inf, -math.inf, 1e308, 0.0, "NaN"]


def test_notes_stay_beside_an_error() -> None:
    document = jsontext.parse('[NaN, {"a": 1, "a": 2}')
    assert document.value is MISSING
    assert (document.duplicates, document.constants) == (("a",), ("NaN",))


def test_notes_are_bounded() -> None:
    name = "n" * 10_000
    objects = [f'{{"{i}{name}": 1, "{i}{name}": 1}}' for i in range(100)]
    numbers = [f"{'1' * 400}{i}.0" for i in range(100)] + [f"1e{i}" for i in range(400, 500)]
    document = jsontext.parse(f"[{','.join(objects + numbers)}]")
    assert len(document.duplicates) == len(document.constants) == jsontext.NOTED
    assert max(map(len, document.duplicates + document.constants)) == jsontext.SHOWN


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_nesting_has_a_limit(opening: str, closing: str) -> None:
    levels = opening.count("[") + opening.count("{")

    def nested(depth: int) -> str:
        around = (depth - 2) // levels
        return opening * around + "[[],[]]" + closing * around

    assert jsontext.parse(nested(jsontext.MAX_DEPTH)).error is None
    refused = Document(MISSING, "The text is nested too deep: more than 200 levels.")
    assert jsontext.parse(nested(jsontext.MAX_DEPTH + levels)) == refused
    assert jsontext.parse(nested(100_000)) == refused
    assert jsontext.parse(opening * 100_000) == refused


def test_width_and_brackets_in_strings_are_no_depth() -> None:
    value = [[{"a": "[{" * 1000}]] * 1000
    assert jsontext.parse(json.dumps(value)).value == value


def test_duplicates_do_not_hide_depth() -> None:
    text = '{"a":1,"a":' * 300 + "1" + "}" * 300
    assert jsontext.parse(text).value is MISSING


def test_threads_do_not_mix_their_notes() -> None:
    texts = [f'{{"{i}": NaN, "{i}": {i}}}' for i in range(200)]
    with ThreadPoolExecutor(4) as pool:
        documents = list(pool.map(jsontext.parse, texts))
    assert [document.duplicates for document in documents] == [(str(i),) for i in range(200)]
