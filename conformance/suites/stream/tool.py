"""Tool calls in a chat stream: fragments that clients join by index."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import all_of, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import ChatStream, Json, Place, a_text, an_object, is_int
from conformance.suites.stream.kept import only_if_kept
from conformance.suites.tools.arguments import arguments_at, finished, is_cut_or_merged
from conformance.suites.tools.call import offered_names

CALLS: Final = "events[*].choices[*].delta.tool_calls[*]"
_FIRST: Final = "events[1].choices[0].delta.tool_calls[0]"
_SECOND: Final = "events[2].choices[0].delta.tool_calls[0]"
_CALLED: Final = "stream.tools_auto"
_LONG: Final = 200
"""Characters of arguments that take a model seconds to write."""


def fragments(stream: ChatStream) -> dict[tuple[int, int], list[Place]]:
    """The fragments of each call, by the indices of its choice and its own. Raises NotApplicable.

    Fragments without an index are not in it.
    """
    only_if(stream.tool_calls, "no tool was called")
    found: dict[tuple[int, int], list[Place]] = defaultdict(list)
    for at, choice, delta in stream.deltas:
        calls = delta.get("tool_calls")
        for i, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict) and is_int(call.get("index")) and call["index"] >= 0:
                found[choice, call["index"]].append((f"{at}.tool_calls[{i}]", call))
    return found


def _id(call: Json) -> str:
    return a_text(call.get("id"))


def _name(call: Json) -> str:
    held = an_object(call.get("function")) or an_object(call.get("custom"))
    return a_text(held.get("name"))


def _collides(call: list[Place]) -> bool:
    """Whether fragments of several calls have the same index."""
    return len({_id(fragment) for _, fragment in call} - {""}) > 1


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.index",
    broken_by=[drop(f"{_SECOND}.index").on(_CALLED), edit(f"{_SECOND}.index", "0").on(_CALLED)],
)
def tool_index(stream: ChatStream) -> Findings:
    """Every fragment of a tool call has an integer index.

    Without it openai-python 3.52's helper raises TypeError; openai-node 6.49 drops the call.
    """
    only_if(stream.tool_calls, "no tool was called")
    yield from stream.breaks(CALLS, f"{CALLS}.index")


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.index",
    broken_by=[
        all_of(
            edit(
                "request.messages[0].content",
                "What is the weather in Rome and Bonn? Use get_weather for both.",
            ),
            edit("events[*].choices[0].delta.tool_calls[0].index", 0),
        )
        .on("stream.tools_parallel")
        .also("tools.parallel_multiple")
    ],
)
def tool_index_distinct(stream: ChatStream) -> Findings:
    """Different calls of one answer have different indices.

    openai-python 3.52 and openai-node 6.49 join them to one call with both arguments in a row.
    """
    for call in fragments(stream).values():
        ids = [_id(fragment) for _, fragment in call]
        first = next(filter(None, ids), "")
        for (at, fragment), id_ in zip(call, ids, strict=True):
            if id_ not in ("", first):
                yield Finding(f"{at}.index", f"another than {first} has", fragment["index"])
                first = id_


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.index; measured: SDKs use it as a position",
    broken_by=[edit("events[*].choices[0].delta.tool_calls[0].index", 1).on(_CALLED)],
)
def tool_index_contiguous(stream: ChatStream) -> Findings:
    """The indices of the calls count from 0 without gaps.

    From 1 on, openai-python 3.52 raises IndexError and openai-node 6.49 throws.
    """
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for (choice, index), call in fragments(stream).items():
        found[choice][index] = call[0][0]
    for indices in found.values():
        want = list(range(len(indices)))
        if sorted(indices) != want:
            first = next(iter(indices.values()))
            yield Finding(f"{first}.index", want, sorted(indices))


@check(
    MUST,
    spec="ChatCompletionMessageToolCall.id",
    broken_by=[drop(f"{_FIRST}.id").on(_CALLED), edit(f"{_FIRST}.id", "").on(_CALLED)],
)
def tool_id_first(stream: ChatStream) -> Findings:
    """The first fragment of a call has its id, a non-empty string.

    openai-python 3.52 ends up with None, openai-node 6.49 invents an id that the server never saw.
    """
    only_if_kept(stream)
    for call in fragments(stream).values():
        at, first = call[0]
        if not _id(first):
            yield Finding(f"{at}.id", "a non-empty string", first.get("id", MISSING))


@check(
    SHOULD,
    spec="ChatCompletionMessageToolCallChunk.type",
    broken_by=[drop(f"{_FIRST}.type").on(_CALLED)],
)
def tool_type_first(stream: ChatStream) -> Findings:
    """The first fragment of a call has its type: function or custom.

    openai-node 6.49's helper throws "tool call snapshot missing `type`".
    """
    for call in fragments(stream).values():
        at, first = call[0]
        if first.get("type") not in ("function", "custom"):
            yield Finding(f"{at}.type", "function or custom", first.get("type", MISSING))


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.function.name",
    broken_by=[drop(f"{_FIRST}.function.name").on(_CALLED)],
)
def tool_name_first(stream: ChatStream) -> Findings:
    """The first fragment of a call has the function's name.

    Without it openai-python 3.52 and openai-node 6.49 end up with a call of nothing.
    """
    only_if_kept(stream)
    for call in fragments(stream).values():
        at, first = call[0]
        if not _name(first):
            got = an_object(first.get("function")).get("name", MISSING)
            yield Finding(f"{at}.function.name", "a non-empty string", got)


@check(
    SHOULD,
    spec="measured: openai-python 3.52 joins strings",
    broken_by=[
        edit("events[*].choices[0].delta.tool_calls[0].id", "call_again").on(_CALLED),
        edit("events[*].choices[0].delta.tool_calls[0].function.name", "get_weather").on(_CALLED),
    ],
)
def tool_id_not_repeated(stream: ChatStream) -> Findings:
    """The id and the name of a call are in its first fragment only.

    openai-python 3.52's helper makes call_1call_1 of them; openai-node 6.49 is unharmed.
    """
    for call in fragments(stream).values():
        if _collides(call):
            continue
        first = call[0][1]
        for at, fragment in call[1:]:
            if _id(fragment) and _id(fragment) == _id(first):
                yield Finding(f"{at}.id", "no id after the first fragment", fragment["id"])
            elif _name(fragment) and _name(fragment) == _name(first):
                place = f"{at}.function.name"
                yield Finding(place, "no name after the first fragment", _name(fragment))


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[
        all_of(
            edit(f"{_FIRST}.function.name", "get_"),
            edit(f"{_SECOND}.function.name", "weather"),
        ).on(_CALLED)
    ],
)
def tool_name_not_split(stream: ChatStream) -> Findings:
    """The name of a function arrives in one piece.

    Clients that show or check a call as soon as it has a name see an unknown one.
    """
    offered = offered_names(stream)
    for call in fragments(stream).values():
        first = _name(call[0][1])
        rest = [(at, _name(f)) for at, f in call[1:] if _name(f) not in ("", first)]
        if first and rest and first not in offered and not _collides(call):
            yield Finding(f"{rest[0][0]}.function.name", "the whole name at once", rest[0][1])


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.function.arguments",
    broken_by=[edit(f"{_SECOND}.function.arguments", {"city": "Paris"}).on(_CALLED)],
)
def tool_arguments_string(stream: ChatStream) -> Findings:
    """A fragment of the arguments is a string.

    An object makes openai-python 3.52 raise TypeError and openai-node 6.49 say "[object Object]".
    """
    only_if(stream.tool_calls, "no tool was called")
    yield from stream.breaks(f"{CALLS}.function", f"{CALLS}.function.arguments")


@check(
    MUST,
    spec="ChatCompletionMessageToolCallChunk.function.arguments",
    broken_by=[
        edit("events[-4].choices[0].delta.tool_calls[0].function.arguments", "").on(_CALLED)
    ],
)
def tool_arguments_concat_json(stream: ChatStream) -> Findings:
    """The joined fragments of a finished call neither break off nor hold a second value.

    openai-python 3.52's helper raises JSONDecodeError; openai-node 6.49 hands on half a text. JSON
    that is wrong in another way is the model's doing, and tools.arguments_json's to tell.
    """
    only_if_kept(stream)
    only_if(not stream.interrupted, "the stream was interrupted")
    joined = {call[0][0] for call in fragments(stream).values() if _collides(call)}
    for call in finished(stream):
        if call.arguments.strip() and call.at not in joined and is_cut_or_merged(call.arguments):
            yield Finding(arguments_at(call), "one JSON object when joined", call.arguments)


@check(
    MAY,
    spec="OpenAI API reference: Streaming",
    broken_by=[
        all_of(
            edit("events[*].choices[0].delta.tool_calls[0].function.arguments", ""),
            edit(f"{_SECOND}.function.arguments", '{"city":"' + "x" * _LONG + '"}'),
        ).on(_CALLED)
    ],
)
def tool_arguments_incremental(stream: ChatStream) -> Findings:
    """Long arguments arrive in more than one fragment.

    Otherwise a user waits for the whole call without a sign of life.
    """
    for call in fragments(stream).values():
        said = [(at, a_text(an_object(f.get("function")).get("arguments"))) for at, f in call]
        spoken = [(at, text) for at, text in said if text]
        if len(spoken) == 1 and len(spoken[0][1]) > _LONG:
            at, text = spoken[0]
            want = "several fragments"
            yield Finding(f"{at}.function.arguments", want, f"one of {len(text)} characters")
