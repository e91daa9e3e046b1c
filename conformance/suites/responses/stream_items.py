"""The items within a stream: that they are opened, filled and closed, and add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final

from conformance.model import MISSING, Finding, Findings, Source
from conformance.mutate import drop, edit, raw
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import Json, Place, ResponseStream, a_text, an_object, objects

ADDED, ITEM_DONE = "response.output_item.added", "response.output_item.done"
PART_ADDED, PART_DONE = "response.content_part.added", "response.content_part.done"
TEXT, TEXT_DONE = "response.output_text.delta", "response.output_text.done"
ARGUMENTS = "response.function_call_arguments.delta"
ARGUMENTS_DONE = "response.function_call_arguments.done"
OF_PART: Final = (TEXT, TEXT_DONE, "response.refusal.delta", "response.refusal.done")
OF_ITEM: Final = (PART_ADDED, PART_DONE, *OF_PART, ARGUMENTS, ARGUMENTS_DONE)

Key = tuple[Any, Any]


def _events(stream: ResponseStream, *types: str) -> Iterator[Place]:
    return (place for place in stream.chunks if place[1].get("type") in types)


def _part(event: Json) -> Key:
    """Which content part an event is about; anything hashable, whatever the server sent."""
    return str(event.get("output_index")), str(event.get("content_index"))


def _item(event: Json) -> str:
    return str(event.get("output_index"))


def _joined(stream: ResponseStream, kind: str) -> dict[Key, str]:
    """The deltas of one type, joined for each content part in the order in which they came."""
    pieces: dict[Key, list[str]] = defaultdict(list)
    for _, event in _events(stream, kind):
        pieces[_part(event)].append(a_text(event.get("delta")))
    return {key: "".join(found) for key, found in pieces.items()}


def _texts(response: Json) -> list[str]:
    """The texts of the output_text parts of a response, in order."""
    messages = [item for _, item in objects(response, "output") if item.get("type") == "message"]
    parts = [part for message in messages for _, part in objects(message, "content")]
    return [a_text(part.get("text")) for part in parts if part.get("type") == "output_text"]


def _differs(stream: ResponseStream, joined: str, told: str) -> bool:
    """Whether what is told as a whole is not what came in pieces.

    People shorten recorded texts and mask names in them, which they don't in the pieces: there,
    only nothing at all, or more than was streamed, can be held against the server. Half of a
    character at the end of a piece becomes U+FFFD.
    """
    source = stream.exchange.provenance.source
    if source not in (Source.RECORDING, Source.DOCUMENTED):
        return joined != told and "\ufffd" not in joined
    return bool(joined) and (not told or _misses_a_run(joined, told))


def _misses_a_run(part: str, whole: str) -> bool:
    """Whether ``part`` is ``whole`` without one run of its characters."""
    pairs = enumerate(zip(part, whole, strict=False))
    same = next((i for i, (one, other) in pairs if one != other), len(part))
    return len(part) < len(whole) and whole.endswith(part[same:])


def _completed(stream: ResponseStream) -> bool:
    """Whether the answer came to its end: what was cut off need not be closed."""
    return any(True for _ in _events(stream, "response.completed"))


@check(
    MUST,
    spec="ResponseOutputItemAddedEvent",
    broken_by=[
        drop("events[2]").also(
            "responses.stream_part_and_item_done",
            "responses.stream_sequence_number",
        )
    ],
)
def stream_item_added_before_delta(stream: ResponseStream) -> Findings:
    """An item is added before there are events of its parts, text or arguments.

    The helpers of openai-python 3.52 and openai-node 6.49 raise: they have nothing to add to.
    """
    added: set[str] = set()
    for at, event in _events(stream, ADDED, *OF_ITEM):
        if event["type"] == ADDED:
            added.add(_item(event))
        elif "output_index" in event and _item(event) not in added:
            yield Finding(at, want=f"{ADDED} before it", got=event["type"])
            added.add(_item(event))


@check(
    MUST,
    spec="ResponseContentPartAddedEvent",
    broken_by=[
        drop("events[3]")
        .on("responses.stream")
        .also("responses.stream_part_and_item_done", "responses.stream_sequence_number")
    ],
)
def stream_part_added_before_delta(stream: ResponseStream) -> Findings:
    """A content part is added before there is text of it.

    openai-python 3.52 raises IndexError, openai-node 6.49 "missing content at index 0".
    """
    added: set[Key] = set()
    for at, event in _events(stream, PART_ADDED, *OF_PART):
        if event["type"] == PART_ADDED:
            added.add(_part(event))
        elif {"output_index", "content_index"} <= event.keys() and _part(event) not in added:
            yield Finding(at, want=f"{PART_ADDED} before it", got=event["type"])
            added.add(_part(event))


@check(
    SHOULD,
    spec="ResponseTextDeltaEvent",
    broken_by=[raw(TEXT.encode(), b"response.output_text.other", every=True)],
)
def stream_deltas_present(stream: ResponseStream) -> Findings:
    """Text comes in response.output_text.delta events.

    A client that shows text as it arrives shows none.
    """
    only_if(stream.final, "the stream has no final response")
    at, response = stream.final or ("", {})
    only_if(any(_texts(response)), "the response has no text")
    if not any(True for _ in _events(stream, TEXT)):
        yield Finding(f"{at}.output", want=f"{TEXT} events with its text", got="no such event")


@check(
    SHOULD,
    spec="ResponseTextDoneEvent.text",
    broken_by=[
        edit("events[-4].text", "1, 2").on("responses.stream"),
        drop("events[-4]").on("responses.stream").also("responses.stream_sequence_number"),
    ],
)
def stream_text_done(stream: ResponseStream) -> Findings:
    """A text's deltas are followed by response.output_text.done with the whole of it.

    Clients that only want whole texts wait for it.
    """
    joined = _joined(stream, TEXT)
    only_if(joined, "the stream has no text")
    done = {_part(event): (at, event) for at, event in _events(stream, TEXT_DONE)}
    for key, text in joined.items():
        if key in done:
            at, event = done[key]
            if isinstance(event.get("text"), str) and _differs(stream, text, event["text"]):
                yield Finding(f"{at}.text", want=text, got=event["text"])
        elif _completed(stream):
            yield Finding(
                "events", want=f"{TEXT_DONE} for output {key[0]}, part {key[1]}", got=MISSING
            )


@check(
    SHOULD,
    spec="ResponseOutputItemDoneEvent",
    broken_by=[
        drop("events[-2]").also("responses.stream_sequence_number"),
        drop("events[-3]").on("responses.stream").also("responses.stream_sequence_number"),
    ],
)
def stream_part_and_item_done(stream: ResponseStream) -> Findings:
    """Of a completed response, each message, call and part that is added is done, and the reverse.

    Clients that work with whole items wait for it.
    """
    only_if(_completed(stream), "the response is not completed")
    opened = {ADDED: ITEM_DONE, PART_ADDED: PART_DONE}
    for start, end in opened.items():
        key: Callable[[Json], Hashable] = _part if start == PART_ADDED else _item
        added = {key(event): at for at, event in _events(stream, start) if _is_answer(event)}
        done = {key(event): at for at, event in _events(stream, end) if _is_answer(event)}
        for missing in (at for part, at in added.items() if part not in done):
            yield Finding(missing, want=f"{end} after it", got=MISSING)
        for missing in (at for part, at in done.items() if part not in added):
            yield Finding(missing, want=f"{start} before it", got=MISSING)


def _is_answer(event: Json) -> bool:
    """Whether an event is about a part or an item the client acts on; tools of the server vary."""
    item = event.get("item")
    return not isinstance(item, dict) or item.get("type") in ("message", "function_call")


@check(
    MUST,
    spec="ResponseCompletedEvent.response",
    broken_by=[edit("events[-1].response.output", []).on("responses.stream")],
)
def stream_completed_output(stream: ResponseStream) -> Findings:
    """The response of response.completed holds the whole text that was streamed.

    The helpers of openai-python 3.52 and openai-node 6.49 return that text: '' without it.
    """
    only_if(_completed(stream) and stream.final, "the response is not completed")
    joined = _joined(stream, TEXT)
    only_if(joined, "the stream has no text")
    at, response = stream.final or ("", {})
    want, got = (
        "".join(joined[key] for key in sorted(joined, key=_number)),
        "".join(_texts(response)),
    )
    if _differs(stream, want, got):
        yield Finding(f"{at}.output", want=want, got=got)


def _number(key: Key) -> tuple[float, ...]:
    return tuple(float(part) if part.isdecimal() and len(part) < 9 else -1.0 for part in key)  # noqa: PLR2004  # nine digits are no index


@check(
    SHOULD,
    spec="ResponseTextDeltaEvent.item_id",
    broken_by=[edit("events[4].item_id", "msg_another")],
)
def stream_item_id_consistent(stream: ResponseStream) -> Findings:
    """The item_id of an event is the id of the item at its output_index.

    A client that keeps items by id files the event under none.
    """
    ids: dict[str, str] = {}
    for at, event in _events(stream, ADDED, *OF_ITEM):
        item = event.get("item")
        if event["type"] == ADDED:
            ids[_item(event)] = a_text(item.get("id")) if isinstance(item, dict) else ""
            continue
        known, named = ids.get(_item(event)), a_text(event.get("item_id"))
        if known and named and named != known:
            yield Finding(f"{at}.item_id", want=known, got=named)
            return
    only_if(ids, "the stream has no items")


@check(
    MUST,
    spec="ResponseFunctionCallArgumentsDoneEvent.arguments",
    broken_by=[
        drop("events[3]").on("responses.stream_tools").also("responses.stream_sequence_number")
    ],
)
def stream_function_args(stream: ResponseStream) -> Findings:
    """A call's arguments are the same in its deltas, when they are done, and in its item.

    Clients take them from any of the three places, and call the function with them.
    """
    deltas = {key[0]: text for key, text in _joined(stream, ARGUMENTS).items()}
    told = list(_told(stream))
    only_if(told, "the stream has no whole function call")
    wanted: dict[str, str] = {}
    for output, at, got in told:
        want = wanted.setdefault(output, deltas.get(output) or got)
        if _differs(stream, want, got) or _misses_a_run(got, want):
            yield Finding(at, want=want, got=got)


def _told(stream: ResponseStream) -> Iterator[tuple[str, str, str]]:
    """Each place with the whole arguments of a call, and the output it is about."""
    calls: dict[str, set[str]] = defaultdict(set)
    for at, event in _events(stream, ARGUMENTS_DONE, ITEM_DONE):
        if isinstance(event.get("arguments"), str):
            yield _item(event), f"{at}.arguments", event["arguments"]
        item = an_object(event.get("item"))
        if item.get("type") == "function_call" and isinstance(item.get("arguments"), str):
            calls[a_text(item.get("call_id"))].add(_item(event))
            yield _item(event), f"{at}.item.arguments", item["arguments"]
    at, response = stream.final or ("", {})
    for place, item in objects(response, "output"):
        # Two calls of one id, which masking can make of any two, can't be told apart.
        outputs = calls.get(a_text(item.get("call_id")), set())
        if len(outputs) == 1 and isinstance(item.get("arguments"), str):
            yield next(iter(outputs)), f"{at}.{place}.arguments", item["arguments"]
