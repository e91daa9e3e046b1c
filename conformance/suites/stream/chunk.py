"""What every chunk of a chat stream carries around its choices."""

from __future__ import annotations

from typing import Any, Final

from conformance.model import MISSING, Finding, Findings, Outcome
from conformance.mutate import all_of, change, drop, edit, insert
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import ChatStream, CompletionStream, an_object
from conformance.suites.chat.response import TIERS

METADATA: Final = ("usage", "moderation", "prompt_filter_results", "prompt_annotations")
"""Members that a chunk without choices is there for."""


def _member(stream: ChatStream, name: str) -> Findings:
    """Where a chunk's ``name`` breaks the schema; what has no choices is no chunk at all.

    Nor is Azure's first one, where somebody dropped the filter's results that it was sent for.
    """
    bare = {
        at
        for at, chunk in stream.judged_chunks
        if "choices" not in chunk or (chunk["choices"] == [] and not any(chunk.values()))
    }
    for found in stream.breaks(f"events[*].{name}"):
        if found.at.partition(".")[0] not in bare:
            yield found


def _changes(stream: ChatStream | CompletionStream, name: str, kind: type) -> Findings:
    """A finding for each chunk whose ``name`` differs from that of the chunks before."""
    first: Any = None
    for at, chunk in stream.judged_chunks:
        value = chunk.get(name)
        if not value or not isinstance(value, kind):
            continue
        first = value if first is None else first
        if value != first:
            yield Finding(f"{at}.{name}", first, value)


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.id",
    broken_by=[
        edit("events[*].id", ""),
        all_of(*(drop(f"events[{i}].id") for i in (0, 1))),
    ],
)
def chunk_id(stream: ChatStream) -> Findings:
    """Every chunk has a non-empty string as its id.

    The official SDKs hand an empty id on to whoever logs, stores or continues the answer by it.
    """
    yield from _member(stream, "id")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.object",
    broken_by=[edit("events[1].object", "chat.completion"), drop("events[1].object")],
)
def chunk_object(stream: ChatStream) -> Findings:
    """Every chunk's object is chat.completion.chunk.

    openai-python 3.52's stream helper drops chunks that say otherwise, and raises AssertionError
    when none is left.
    """
    yield from _member(stream, "object")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.created",
    broken_by=[edit("events[*].created", 1767225600.5), drop("events[1].created")],
)
def chunk_created(stream: ChatStream) -> Findings:
    """Every chunk's created is a Unix time in whole seconds.

    Typed clients fail to parse anything else.
    """
    yield from _member(stream, "created")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.model",
    broken_by=[edit("events[1].model", None), drop("events[1].model")],
)
def chunk_model(stream: ChatStream) -> Findings:
    """Every chunk names the model that answers, as a string.

    Typed clients fail to parse a chunk without it.
    """
    yield from _member(stream, "model")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.choices",
    covers=["stream.chunk.key_choices"],
    broken_by=[
        insert("events[1]", {}),
        edit("events[1].choices", None),
        drop("events[1].choices"),
        edit("events[1].choices[0]", "1"),
    ],
)
def chunk_choices(stream: ChatStream) -> Findings:
    """Every chunk has an array of choices, which are objects; it may be empty.

    Without one the helpers of openai-python 3.52 raise KeyError or TypeError, and openai-node 6.49
    throws "chunk.choices is not iterable".
    """
    yield from stream.breaks("events[*].choices", "events[*].choices[*]")


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.id (each chunk has the same ID)",
    covers=["stream.n.id_shared"],
    broken_by=[
        edit("events[-3].id", "chatcmpl-another"),
        edit("events[2].id", "chatcmpl-another").on("stream.n2"),
    ],
)
def chunk_id_constant(stream: ChatStream | CompletionStream) -> Findings:
    """All chunks of a stream share one id, also with several choices.

    Client libraries that join chunks by id see many answers of one piece each; openai-python 3.52
    keeps the first id and openai-node 6.49 the last.
    """
    yield from _changes(stream, "id", str)


@check(
    MUST,
    spec="CreateChatCompletionStreamResponse.created (each chunk has the same timestamp)",
    broken_by=[change("events[-2].created", lambda created: created + 1, "a later last chunk")],
)
def chunk_created_constant(stream: ChatStream | CompletionStream) -> Findings:
    """All chunks of a stream share one created.

    It is the time of the answer, not of the chunk: a client cannot tell which one to store.
    """
    yield from _changes(stream, "created", int)


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.model",
    broken_by=[edit("events[-2].model", "another")],
)
def chunk_model_constant(stream: ChatStream | CompletionStream) -> Findings:
    """All chunks of a stream name the same model.

    Cost trackers price an answer by the model of whichever chunk they look at.
    """
    yield from _changes(stream, "model", str)


@check(
    MAY,
    spec="CreateChatCompletionStreamResponse.system_fingerprint",
    broken_by=[edit("events[-2].system_fingerprint", "fp_another")],
)
def chunk_fingerprint_constant(stream: ChatStream) -> Findings:
    """The system fingerprint does not change within a stream.

    It names the configuration that made the answer, of which there is one.
    """
    yield from _changes(stream, "system_fingerprint", str)


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.service_tier",
    broken_by=[edit("events[0].service_tier", "on_demand")],
)
def chunk_service_tier_enum(stream: ChatStream) -> Findings:
    """A chunk's service tier is auto, default, flex, scale, priority, fast or null.

    The official SDKs take any; strictly typed clients fail to parse the chunk.
    """
    for at, chunk in stream.judged_chunks:
        tier = chunk.get("service_tier")
        if tier is not None and tier not in TIERS:
            yield Finding(f"{at}.service_tier", f"one of {', '.join(TIERS)}, or null", tier)


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.choices",
    broken_by=[edit("events[1].choices", [])],
)
def chunk_no_empty_choices_noise(stream: ChatStream) -> Findings:
    """A chunk without choices is there for usage, moderation or a content filter's results.

    Many clients read choices[0] of every chunk.
    """
    for at, chunk in stream.judged_chunks:
        if chunk.get("choices") == [] and not any(chunk.get(name) for name in METADATA):
            yield Finding(f"{at}.choices", f"a choice, or one of {', '.join(METADATA)}", [])


@check(
    MAY,
    spec="ChatCompletionStreamOptions.include_obfuscation",
    broken_by=[edit("events[1].obfuscation", 1)],
)
def chunk_obfuscation(stream: ChatStream) -> Findings:
    """A chunk's obfuscation is a string where there is one.

    It is padding that clients skip, but strictly typed ones parse it.
    """
    yield from stream.breaks("events[*].obfuscation")


@check(
    MAY,
    spec="ChatCompletionStreamOptions.include_obfuscation",
    breach=Outcome.IGNORED,
    broken_by=[
        edit("events[1].obfuscation", "Tm9uZQ").on("stream.no_obfuscation"),
    ],
)
def chunk_obfuscation_off(stream: ChatStream) -> Findings:
    """With include_obfuscation: false no chunk carries obfuscation.

    Who turns the padding off does so for its bandwidth.
    """
    options = an_object(stream.request.get("stream_options"))
    only_if(options.get("include_obfuscation") is False, "obfuscation was not turned off")
    for at, chunk in stream.chunks:
        if "obfuscation" in chunk:
            yield Finding(f"{at}.obfuscation", MISSING, chunk["obfuscation"])
