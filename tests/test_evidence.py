"""What a results file keeps of an exchange: the place marked, the key gone, no more than needed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import (
    Chunk,
    Exchange,
    Finding,
    Headers,
    Level,
    Outcome,
    Provenance,
    Request,
    Response,
    Source,
    Verdict,
)
from conformance.results.evidence import Evidence, line, shown
from conformance.results.places import keys, span
from conformance.results.reading import shown_of
from conformance.results.rows import Passage

KEY = "sk-0123456789abcdef0123"
ASKED = {"model": "m", "n": 2, "messages": [{"role": "user", "content": "Hi"}]}


def exchange(body: bytes, asked: bytes = json.dumps(ASKED).encode(), name: str = "x") -> Exchange:
    sent = Headers([("Authorization", f"Bearer {KEY}"), ("content-type", "application/json")])
    return Exchange(
        id=name,
        provider="p",
        request=Request("POST", f"https://h/v1/chat/completions?api_key={KEY}", sent, asked),
        response=Response(200, Headers([("content-type", "application/json")]), (Chunk(body),)),
        provenance=Provenance(Source.LIVE),
    )


def marked(passage: Passage) -> str | None:
    return passage.text[slice(*passage.mark)] if passage.mark else None


def verdict(check: str = "chat.x", capability: str = "chat", name: str = "x") -> Verdict:
    found = (Finding("id", "a text", None),)
    about = ((capability, 1),)
    return Verdict(
        *("p", "m", check, Level.MUST, Outcome.FAIL, found), exchange=name, capabilities=about
    )


class TestPlaces:
    @pytest.mark.parametrize(
        ("place", "text"),
        [
            ("choices[1].delta", '{"a.b": "x"}'),
            ('choices[1].delta["a.b"]', '"x"'),
            ("choices[1].gone.further", '{"delta": {"a.b": "x"}}'),
            ("choices[9]", '[{}, {"delta": {"a.b": "x"}}]'),
            ("choices[*]", "{}"),
        ],
    )
    def test_a_value_is_found_or_what_would_hold_it(self, place: str, text: str) -> None:
        whole = '{"id": [1, {"id": 2}], "choices" : [{}, {"delta": {"a.b": "x"}}]}'
        found = span(whole, keys(place))
        assert found
        assert whole[slice(*found)] == text

    def test_nothing_is_found_in_what_is_no_json(self) -> None:
        for text in ("", "[", '{"a"', '{"a":', "nope", "[" * 100_000, "\ud800"):
            assert span(text, ["b", 0]) is None

    @given(st.dictionaries(st.text(), st.lists(st.integers() | st.text()), min_size=1), st.data())
    def test_the_value_of_any_member_is_found(self, value: dict[str, Any], data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(value)))
        text = json.dumps(value, indent=data.draw(st.sampled_from([None, 2])))
        found = span(text, [name]) or (0, 0)
        assert json.loads(text[slice(*found)]) == value[name]


class TestShown:
    def test_a_place_in_the_answer_is_marked(self) -> None:
        body = {"id": 5, "choices": [{"index": "0"}]}
        found = shown(exchange(json.dumps(body).encode()), "choices[0].index").response
        assert marked(found) == '"0"'
        assert found.whole
        assert json.loads(found.text) == body

    def test_a_place_in_the_request_is_marked_there(self) -> None:
        found = shown(exchange(b"{}"), "request.messages[0].content")
        assert marked(found.request) == '"Hi"'
        assert json.loads(found.request.text) == ASKED
        assert found.response.mark is None

    def test_of_a_stream_the_event_is_marked(self) -> None:
        events = [f'data: {{"id": "c", "n": {i}}}\r\n\r\n' for i in range(1000)]
        found = shown(exchange("".join(events).encode()), "events[500].n").response
        assert marked(found) == "500"
        assert not found.whole
        assert 'data: {"id": "c", "n": 499}' in found.text
        assert len(found.text) < 3000

    def test_an_event_that_lacks_a_member_is_marked_whole(self) -> None:
        body = b'data: {"a": 1}\n\ndata: {"b": 2}\n\n'
        assert marked(shown(exchange(body), "events[1].id").response) == 'data: {"b": 2}'
        assert marked(shown(exchange(body), "events[7]").response) is None

    @pytest.mark.parametrize("at", ["status", "headers.content-type", "body", "", "events[0].x"])
    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"\xff\xfe\x00", b'"\\ud800"', b"[" * 5000, b"9" * 5000, b"{}"]
    )
    def test_anything_can_be_shown(self, at: str, body: bytes) -> None:
        found = shown(exchange(body, asked=body), at)
        assert found.status == 200
        json.dumps(line(verdict(), exchange(body)))

    def test_it_is_never_much(self) -> None:
        body = json.dumps({"id": "x" * 3_000_000, "other": "y" * 100_000}).encode()
        found = shown(exchange(body, asked=body), "id")
        assert len(found.response.text) < 5000
        assert found.response.mark
        assert len(found.request.text) <= 40_000
        assert not found.request.whole

    def test_no_key_is_in_it(self) -> None:
        body = json.dumps({"error": {"message": f"{KEY} is wrong"}, KEY: KEY}).encode()
        told = exchange(body)
        around = replace(told, upstream=(exchange(body, asked=body),))
        assert KEY not in json.dumps(line(verdict(), around))

    @pytest.mark.parametrize("before", [*range(1450, 1650, 3), 0, 5000])
    def test_nor_half_of_one_where_it_is_cut(self, before: int) -> None:
        body = json.dumps({"a": "x" * 3000, "b": "y" * before + KEY + "z" * 3000, "c": 1}).encode()
        for at in ("a", "b", "c"):
            found = shown(exchange(body, asked=body), at)
            assert KEY[3:11] not in found.response.text + found.request.text

    def test_it_is_read_as_it_was_written(self) -> None:
        around = replace(exchange(b'{"id": 5}'), upstream=(exchange(b"{}"),))
        written = json.loads(json.dumps(line(verdict(), around)))
        assert shown_of(written) == shown(around, "id")


class TestEvidence:
    def test_the_first_of_each_target_rule_and_capability_is_kept(self) -> None:
        evidence = Evidence()
        evidence.saw(exchange(b"{}"), exchange(b"{}", name="y"))
        kept = [
            len(list(evidence.of(one)))
            for one in (
                verdict(),
                verdict(),
                verdict(name="y"),
                verdict(check="chat.y"),
                verdict(capability="usage"),
                verdict(check="chat.z", name="never seen"),
                replace(verdict(check="chat.z"), findings=()),
                replace(verdict(check="chat.z"), outcome=Outcome.REJECTED),
                verdict(check="chat.z"),
            )
        ]
        assert kept == [1, 0, 0, 1, 1, 0, 0, 0, 1]

    def test_what_it_remembers_has_a_limit(self) -> None:
        evidence = Evidence()
        big = bytes(50 * 2**20)
        for number in range(4):
            evidence.saw(exchange(big, name=str(number)))
        assert not list(evidence.of(verdict(name="0")))
        assert list(evidence.of(verdict(name="3")))
