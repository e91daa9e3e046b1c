"""What the choices of each chunk of a chat stream hold: an index, a delta, a role at first."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import ChatStream, Json, is_int
from conformance.suites.stream.kept import only_if_kept
from conformance.suites.stream.n import choices_asked


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.index",
    covers=["stream.chunk.index_present"],
    broken_by=[
        drop("events[1].choices[0].index"),
        edit("events[1].choices[0].index", "0"),
        edit("events[-3].choices[0].index", 3),
    ],
)
def chunk_index(stream: ChatStream) -> Findings:
    """Every choice of a chunk has its index: one of 0 to n - 1, not a count of the chunks.

    Without it the helper of openai-python 3.52 raises TypeError; with a count both SDKs' helpers
    make a choice of each chunk and end up with an empty answer.
    """
    yield from stream.breaks("events[*].choices[*].index")
    only_if(stream.request.get("messages"), "the request is not known")
    n = stream.request.get("n")
    only_if(n is None or is_int(n), "n is no integer")
    asked = choices_asked(stream)
    for at, choice in stream.choices:
        index = choice.get("index")
        if is_int(index) and index >= asked:
            yield Finding(f"{at}.index", f"below {asked}, the number of choices asked for", index)


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices.delta",
    broken_by=[drop("events[1].choices[0].delta"), edit("events[-3].choices[0].delta", None)],
)
def chunk_delta(stream: ChatStream) -> Findings:
    """Every choice of a chunk has a delta, an object; a content filter's results need none.

    The helper of openai-python 3.52 raises AttributeError; openai-node 6.49 loses the text.
    """
    yield from stream.breaks("events[*].choices[*].delta")


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices",
    broken_by=[edit("events[1].choices[0].message", {"role": "assistant", "content": "1"})],
)
def chunk_no_message(stream: ChatStream) -> Findings:
    """The choices of a chunk carry a delta and no message.

    openai-node 6.49 replaces the text it has collected by the message's content.
    """
    for at, choice in stream.choices:
        if choice.get("message") is not None:
            yield Finding(f"{at}.message", MISSING, choice["message"])


def _first_deltas(stream: ChatStream) -> Iterator[tuple[str, Json]]:
    """The first delta of each choice that was asked for, with its place."""
    seen: set[int] = set()
    asked = choices_asked(stream)
    for at, index, delta in stream.deltas:
        if index not in seen and index < asked:
            seen.add(index)
            yield at, delta


@check(
    MUST,
    spec="measured: openai-node 6.49",
    covers=["stream.n.role_each"],
    broken_by=[
        drop("events[0].choices[0].delta.role"),
        edit("events[0].choices[0].delta.role", "user"),
        drop("events[1].choices[0].delta.role").on("stream.n2"),
    ],
)
def chunk_role_first(stream: ChatStream) -> Findings:
    """The first delta of each choice has the role assistant.

    openai-node 6.49 throws "missing role for choice 0", and the message that openai-python 3.52
    puts together has no role to send back in the next turn.
    """
    only_if_kept(stream)
    # A choice that a content filter stopped before its first word has nothing to say.
    empty = {at for at, _, delta in stream.deltas if not delta} & _filtered(stream)
    for at, delta in _first_deltas(stream):
        role = delta.get("role", MISSING)
        if at not in empty and role in (MISSING, None, "user", "system", "developer", "tool"):
            yield Finding(f"{at}.role", "assistant", role)


def _filtered(stream: ChatStream) -> set[str]:
    return {
        f"{at}.delta" for at, one in stream.choices if one.get("finish_reason") == "content_filter"
    }


@check(
    SHOULD,
    spec="measured: openai-python 3.52",
    broken_by=[edit("events[2].choices[0].delta.role", "assistant")],
)
def chunk_role_once(stream: ChatStream) -> Findings:
    """The role is sent once for each choice.

    openai-python 3.52 joins roles as it joins text: "assistantassistant".
    """
    told: set[int] = set()
    for at, index, delta in stream.deltas:
        if not delta.get("role"):
            continue
        if index in told:
            yield Finding(f"{at}.role", MISSING, delta["role"])
        told.add(index)


@check(
    MUST,
    spec="ChatCompletionStreamResponseDelta.role",
    broken_by=[
        edit("events[1].choices[0].delta.role", ""),
        edit("events[1].choices[0].delta.role", "bot").also("stream.chunk_role_once"),
    ],
)
def chunk_role_not_empty(stream: ChatStream) -> Findings:
    """A delta's role is one of developer, system, user, assistant and tool, never empty.

    The official SDKs join an empty role unharmed; strictly typed clients fail to parse the chunk.
    """
    yield from stream.breaks("events[*].choices[*].delta.role")


@check(
    SHOULD,
    spec="ChatCompletionStreamResponseDelta.role",
    broken_by=[edit("events[2].choices[0].delta.role", None)],
)
def chunk_role_null(stream: ChatStream) -> Findings:
    """A delta after the first leaves the role out rather than setting it to null.

    Harmless to the official SDKs; the schema has no null here, and typed clients follow it.
    """
    first = {at for at, _ in _first_deltas(stream)}
    for at, _, delta in stream.deltas:
        if at not in first and delta.get("role", MISSING) is None:
            yield Finding(f"{at}.role", MISSING, None)


@check(
    MUST,
    spec="ChatCompletionStreamResponseDelta.content",
    broken_by=[
        edit("events[1].choices[0].delta.content", ["1"]),
        edit("events[1].choices[0].delta.content", 1),
    ],
)
def chunk_content_type(stream: ChatStream) -> Findings:
    """A delta's content is a string or null.

    Clients append it to a string.
    """
    yield from stream.breaks("events[*].choices[*].delta.content")
