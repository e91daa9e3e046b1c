"""What a stand-in is told to do wrong, or oddly, in the prompt.

A script is a text such as ``[[upstream: status 429, retry-after 7]]``. So it goes through any
adapter, in any dialect, and needs no other way to the stage. The model never reads it: the answer
is the one to the prompt without it, and then each wish changes it: first what is said, then how it
is written, then whether it comes at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final
from urllib.parse import unquote_plus

from conformance import dialects
from conformance.dialects import Dialect, Json
from conformance.jsontext import parse
from conformance.model import (
    Chunk,
    Failure,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.reference.wire import BASE_TIME
from conformance.replies import an_object, is_filter_chunk
from conformance.targets import to_json
from conformance.upstream import standin

STOOD_IN: Final = Provenance(Source.REFERENCE)
"""Where an answer comes from that nobody recorded."""


@dataclass(frozen=True, slots=True)
class Told:
    """What goes back to the adapter: a response, a part of one and why it ends there, or none."""

    response: Response | None
    failure: Failure | None = None
    provenance: Provenance = STOOD_IN


Wish = Callable[[Response, Dialect, int], Told]
"""Changes an answer that is in this dialect; the number is 0 where the script has none."""
Edit = Callable[[Response], Response]

MARKER: Final = re.compile(
    rb" ?\[\[upstream:([^\[\]]{0,200})\]\]"
    rb"|(?:\+|%20)?%5B%5Bupstream(?:%3A|:)([\w.+%-]{0,300}?)%5D%5D",
    re.IGNORECASE,
)
"""A script as it stands in JSON, and in a form."""
WISH: Final = re.compile(r"([a-z -]+?)(?: (\d{1,9}))?")
BLOCK: Final = re.compile(rb".+?\n\n", re.DOTALL)
FIELD: Final = re.compile(rb"(?m)^([a-z]+): ")
ODD_PIECE: Final = re.compile(rb"[^\x80-\xbf]{1,40}|[\x80-\xbf]{1,3}")
"""At most 40 bytes, and never the first and the second byte of one character."""
BEFORE_ERROR: Final = 3
"""How many events come before an error in a stream."""
PACKED: Final = 4
"""How many tokens a packed chunk has."""
STATUSES: Final = range(400, 600)
FAILED: Final = "The upstream failed, as it was told to."


def told(request: Request, nonce: int = 0, now: int = BASE_TIME) -> Told:
    """The stand-in's answer, as the last script in the request would have it. Never raises.

    ``nonce`` and ``now`` are as in :func:`conformance.upstream.standin.answer`.
    """
    scripts = [script or form for script, form in MARKER.findall(request.body)]
    bare = replace(request, body=without(request.body))
    answer = Told(standin.answer(bare, nonce, now))
    dialect = dialects.of(request)
    if not scripts or dialect is None:
        return answer
    wishes = _read(scripts[-1])
    if wishes is None:
        return Told(dialect.refused(400, f"The scripts of this upstream are: {KNOWN}."))
    for wish, number in wishes:
        if answer.response is not None:
            after = wish(answer.response, dialect, number)
            answer = replace(after, failure=after.failure or answer.failure)
    return answer


def without(body: bytes) -> bytes:
    """A request's body without its scripts: what the model reads."""
    return MARKER.sub(b"", body)


def _read(script: bytes) -> list[tuple[Wish, int]] | None:
    """What a script wishes for; None where somebody else has to say what that means."""
    found: list[tuple[str, int]] = []
    for words in unquote_plus(script.decode("utf-8", "replace")).split(","):
        match = WISH.fullmatch(words.strip().lower())
        if not match or match[1] not in WISHES or (match[2] is None) is (match[1] in NUMBERED):
            return None
        if match[1] == "status" and int(match[2]) not in STATUSES:
            return None
        found.append((match[1], int(match[2] or 0)))
    return [(WISHES[name], number) for name, number in sorted(found, key=_turn)]


def _turn(wish: tuple[str, int]) -> int:
    return list(WISHES).index(wish[0])


def _status(_answer: Response, dialect: Dialect, status: int) -> Told:
    return Told(dialect.refused(status, f"The upstream says {status}, as it was told to."))


def _retry_after(answer: Response, _dialect: Dialect, seconds: int) -> Told:
    return Told(replace(answer, headers=Headers([*answer.headers, ("retry-after", str(seconds))])))


def _timeout(_answer: Response, _dialect: Dialect, _: int) -> Told:
    return Told(None, Failure("timeout", "no answer came in time"))


def _cut(answer: Response, _dialect: Dialect, _: int) -> Told:
    """The first half of the bytes, in the chunks they came in."""
    left = len(answer.body) // 2
    chunks: list[Chunk] = []
    for chunk in answer.chunks:
        chunks.append(replace(chunk, data=chunk.data[:left]))
        left -= len(chunks[-1].data)
    kept = tuple(chunk for chunk in chunks if chunk.data)
    return Told(replace(answer, chunks=kept), Failure("cut", "the connection was closed early"))


def _error_in_stream(answer: Response, dialect: Dialect, _: int) -> Told:
    """The dialect's error after a few events, where text streams have them; else a cut."""
    error = dialect.refused(500, FAILED).body
    if _is_sse(answer):
        blocks = BLOCK.findall(answer.body)[:BEFORE_ERROR]
        name = b"event: error\n" if any(b"event: " in block for block in blocks) else b""
        return Told(_chunked(answer, [*blocks, name + b"data: " + error + b"\n\n"]))
    if "ndjson" in (answer.headers.get("content-type") or ""):
        lines = answer.body.splitlines(keepends=True)[:BEFORE_ERROR]
        return Told(_chunked(answer, [*lines, error + b"\n"]))
    return _cut(answer, dialect, 0)


def _no_usage(answer: Response, _dialect: Dialect, _: int) -> Told:
    if not _is_sse(answer):
        body = an_object(parse(answer.body).value)
        whole = body.get("object") == "chat.completion" and "usage" in body
        return Told(_chunked(answer, [to_json(_without_usage(body))]) if whole else answer)
    return Told(
        _rewritten(answer, lambda chunks: [_without_usage(c) for c in chunks if c["choices"]])
    )


def _without_usage(body: Json) -> Json:
    return {name: value for name, value in body.items() if name != "usage"}


def _is_sse(response: Response) -> bool:
    return (response.headers.get("content-type") or "").startswith("text/event-stream")


def _chunked(response: Response, pieces: Iterable[bytes]) -> Response:
    return replace(response, chunks=tuple(Chunk(piece) for piece in pieces))


def _no_space(answer: Response) -> Response:
    return _chunked(answer, (FIELD.sub(rb"\1:", chunk.data) for chunk in answer.chunks))


def _crlf(answer: Response) -> Response:
    return _chunked(answer, (chunk.data.replace(b"\n", b"\r\n") for chunk in answer.chunks))


def _comments(answer: Response) -> Response:
    return _chunked(
        answer, (part for block in BLOCK.findall(answer.body) for part in (b": ping\n\n", block))
    )


def _split(answer: Response) -> Response:
    return _chunked(answer, ODD_PIECE.findall(answer.body))


def _halves(answer: Response) -> Response:
    """Every event comes in two chunks."""
    cut = ((chunk.data, len(chunk.data) // 2) for chunk in answer.chunks)
    return _chunked(answer, (half for data, at in cut for half in (data[:at], data[at:])))


def _azure(answer: Response) -> Response:
    """First of all, Azure's content filter speaks of the prompt."""
    filtered = {"filtered": False, "severity": "safe"}
    categories = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), filtered)
    results = [{"prompt_index": 0, "content_filter_results": categories}]
    names = {"id": "", "model": "", "object": "", "created": 0}
    return _rewritten(
        answer, lambda chunks: [{"choices": [], "prompt_filter_results": results} | names, *chunks]
    )


def _packed(answer: Response) -> Response:
    """Several tokens come in one chunk."""
    return _rewritten(answer, lambda chunks: [_joined(run) for run in _runs(chunks)])


def _runs(chunks: list[Json]) -> Iterable[list[Json]]:
    """Chunks of nothing but text, some at a time; any other alone."""
    for only_text, run in groupby(chunks, _speaker):
        some = list(run)
        step = 1 if only_text is None else PACKED
        yield from (some[at : at + step] for at in range(0, len(some), step))


def _speaker(chunk: Json) -> int | None:
    """The choice a chunk has text for and nothing else; None where there is more, or less."""
    if len(chunk["choices"]) != 1 or chunk["choices"][0]["finish_reason"]:
        return None
    choice = chunk["choices"][0]
    return choice["index"] if list(choice["delta"]) == ["content"] else None


def _joined(run: list[Json]) -> Json:
    if len(run) == 1:
        return run[0]
    choices = [chunk["choices"][0] for chunk in run]
    joined = choices[0] | {"delta": {"content": "".join(c["delta"]["content"] for c in choices)}}
    if joined.get("logprobs"):
        scores = [score for choice in choices for score in choice["logprobs"]["content"]]
        joined["logprobs"] = joined["logprobs"] | {"content": scores}
    return run[0] | {"choices": [joined]}


def _rewritten(answer: Response, edit: Callable[[list[Json]], list[Json]]) -> Response:
    """A stream of OpenAI's chunks after an edit of them; any other as it is."""
    blocks = BLOCK.findall(answer.body)
    values: list[Any] = [parse(block.removeprefix(b"data: ").strip()).value for block in blocks]
    chunks = [value for value in values if _is_chunk(value)]
    if not chunks or len(chunks) + 1 != len(blocks):
        return answer
    edited = [b"data: " + to_json(chunk) + b"\n\n" for chunk in edit(chunks)]
    return _chunked(answer, [*edited, blocks[-1]])


def _is_chunk(value: Any) -> bool:
    chunk = an_object(value)
    return chunk.get("object") == "chat.completion.chunk" or is_filter_chunk(chunk)


def _oddly(edit: Edit) -> Wish:
    """A legal way to write an event stream; nothing to other answers."""
    return lambda answer, _dialect, _: Told(edit(answer) if _is_sse(answer) else answer)


NUMBERED: Final = frozenset({"status", "retry-after"})
WISHES: Final[dict[str, Wish]] = {
    "status": _status,
    "retry-after": _retry_after,
    "no usage": _no_usage,
    "packed": _oddly(_packed),
    "azure": _oddly(_azure),
    "error in stream": _error_in_stream,
    "comments": _oddly(_comments),
    "no space": _oddly(_no_space),
    "crlf": _oddly(_crlf),
    "halves": _oddly(_halves),
    "split": _oddly(_split),
    "cut": _cut,
    "timeout": _timeout,
}
"""The scripts, in the order they are followed, whatever order they are told in."""
KNOWN: Final = ", ".join(f"{name} N" if name in NUMBERED else name for name in WISHES)
