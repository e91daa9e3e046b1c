"""Edits of exchanges: what they change, and that they change nothing else."""

from __future__ import annotations

import json

import pytest

from conformance.model import Chunk, Exchange, Headers, Provenance, Request, Response, Source
from conformance.mutate import DoesNotFit, all_of, change, drop, edit, insert, raw, rename, repeat

HEADERS = Headers([("content-type", "application/json")])


def exchange(body: object, request: object = None, upstream: tuple[Exchange, ...] = ()) -> Exchange:
    return Exchange(
        id="x",
        provider="p",
        request=Request("POST", "/v1/x", HEADERS, json.dumps(request).encode()),
        response=Response(200, HEADERS, (Chunk(json.dumps(body).encode(), 0.1),)),
        provenance=Provenance(Source.REFERENCE),
        upstream=upstream,
    )


def stream(*events: object) -> Exchange:
    texts = [e if isinstance(e, str) else json.dumps(e) for e in events]
    chunks = tuple(Chunk(f"data: {text}\n\n".encode(), i / 10) for i, text in enumerate(texts))
    return Exchange(
        id="x",
        provider="p",
        request=Request("POST", "/v1/x"),
        response=Response(200, HEADERS, chunks),
        provenance=Provenance(Source.REFERENCE),
    )


def body(made: Exchange) -> object:
    assert made.response is not None
    return json.loads(made.response.body)


def text(made: Exchange) -> str:
    assert made.response is not None
    return made.response.body.decode()


def test_members_and_items_are_set_added_and_removed() -> None:
    good = exchange({"a": [{"b": 1}, {"b": 2}]})
    assert body(edit("a[-1].b", 3).apply(good)) == {"a": [{"b": 1}, {"b": 3}]}
    assert body(edit("a[*].b", 0).apply(good)) == {"a": [{"b": 0}, {"b": 0}]}
    assert body(edit("c", None).apply(good)) == {"a": [{"b": 1}, {"b": 2}], "c": None}
    assert body(drop("a[0]").apply(good)) == {"a": [{"b": 2}]}
    assert body(drop("a[*]").apply(good)) == {"a": []}
    assert body(rename("a[0].b", "c").apply(good)) == {"a": [{"c": 1}, {"b": 2}]}
    assert body(change("a", len, "a counted").apply(good)) == {"a": 2}
    assert body(good) == {"a": [{"b": 1}, {"b": 2}]}


@pytest.mark.parametrize("place", ["b", "a[1]", "a[0].x", "a.b", "events[0]", "headers.x"])
def test_a_place_that_is_not_there_cannot_be_removed(place: str) -> None:
    with pytest.raises(DoesNotFit):
        drop(place).apply(exchange({"a": [{"b": 1}]}))


def test_the_request_the_status_and_headers_are_places_too() -> None:
    good = exchange({}, {"n": 1})
    assert json.loads(edit("request.n", 2).apply(good).request.body) == {"n": 2}
    made = all_of(edit("status", 500), edit("headers.Content-Type", "text/plain")).apply(good)
    assert made.response is not None
    assert made.response.status == 500
    assert made.response.headers.get("content-type") == "text/plain"
    assert "content-type" not in drop("request.headers.content-type").apply(good).request.headers


def test_the_far_side_of_an_adapter_is_a_place() -> None:
    good = exchange({}, upstream=(exchange({"a": 1}),))
    made = edit("upstream[0].a", 2).apply(good)
    assert body(made.upstream[0]) == {"a": 2}


def test_events_keep_their_times() -> None:
    good = stream({"a": 1}, {"a": 2}, "[DONE]")
    made = edit("events[1].a", 3).apply(good)
    assert made.response is not None
    assert [chunk.at for chunk in made.response.chunks] == [0.0, 0.1, 0.2]
    assert text(made) == 'data: {"a": 1}\n\ndata: {"a":3}\n\ndata: [DONE]\n\n'


def test_events_are_inserted_repeated_and_removed() -> None:
    good = stream({"a": 1}, "[DONE]")
    assert text(insert("events[-1]", ": ping\n\n").apply(good)).count(": ping\n\ndata: [DONE]") == 1
    assert text(insert("events[0]", {"b": 2}).apply(good)).startswith('data: {"b":2}\n\n')
    assert text(repeat("events[0]").apply(good)).count('{"a": 1}') == 2
    assert "[DONE]" not in text(drop("events[-1]").apply(good))


def test_every_event_with_the_place_is_edited() -> None:
    made = edit("events[*].a", 0).apply(stream({"a": 1}, {"a": 2}, "[DONE]"))
    assert text(made).count('{"a":0}') == 2


def test_bytes_are_replaced_once_or_everywhere() -> None:
    good = stream({"a": 1}, {"a": 1})
    assert text(raw(b"data: ", b"data:").apply(good)).count("data: ") == 1
    assert text(raw(b"data: ", b"data:", every=True).apply(good)).count("data: ") == 0
    with pytest.raises(DoesNotFit):
        raw(b"nowhere", b"").apply(good)


def test_a_label_says_what_was_done() -> None:
    made = all_of(edit("a", "x"), drop("b")).on("chat.basic").also("chat.other")
    assert made.label == 'a = "x"; b removed'
    assert (made.reference, made.trips) == ("chat.basic", ("chat.other",))
