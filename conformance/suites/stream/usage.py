"""The token counts of a chat stream."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings, Outcome
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatStream, Endpoint, Reply, an_object
from conformance.suites._refusals import acceptance, refusal, refused_for
from conformance.suites._twins import Twin, prompt_twin
from conformance.suites.stream.done import only_if_complete, only_if_ended

COUNTS: Final = {"prompt_tokens": 16, "completion_tokens": 59, "total_tokens": 75}
"""What the reference counts."""


def asked_for(reply: Reply) -> bool:
    """Whether the request said ``include_usage: true``."""
    return an_object(reply.request.get("stream_options")).get("include_usage") is True


@check(
    MUST,
    spec="ChatCompletionStreamOptions.include_usage",
    breach=Outcome.IGNORED,
    broken_by=[drop("events[-2]").on("stream.usage")],
)
def usage_chunk_present(stream: ChatStream) -> Findings:
    """With include_usage a chunk tells the usage of the whole request.

    Clients that count tokens count none, and no SDK says so.
    """
    only_if(asked_for(stream), "usage was not asked for")
    only_if_ended(stream)
    # Recorded requests get edited: where no chunk knows of usage, it may not have been asked for.
    known = any("usage" in chunk for _, chunk in stream.chunks)
    unasked = stream.lacks(Evidence.FRESH) and not known
    inconclusive_if(unasked, "the request may have been edited after it was answered")
    if stream.usage is None:
        only_if_complete(stream)
        yield Finding("events[*].usage", "an object with the token counts", MISSING)


@check(
    MUST,
    spec="ChatCompletionStreamOptions.include_usage (choices will always be an empty array)",
    broken_by=[
        all_of(edit("events[-3].usage", COUNTS), drop("events[-2]")).on("stream.usage"),
    ],
)
def usage_choices_empty(stream: ChatStream) -> Findings:
    """The chunk that include_usage asks for has no choices.

    The official SDKs read usage anywhere; clients that look for it in the chunk without choices,
    as documented, find none.
    """
    only_if(asked_for(stream), "usage was not asked for")
    only_if(stream.usage, "no usage was sent")
    last = stream.usage[0].partition(".")[0] if stream.usage else ""
    choices = dict(stream.chunks)[last].get("choices")
    if isinstance(choices, list) and choices:
        yield Finding(f"{last}.choices", [], choices)


@check(
    SHOULD,
    spec="ChatCompletionStreamOptions.include_usage (all other chunks: null)",
    broken_by=[edit("events[1].usage", COUNTS).on("stream.usage")],
)
def usage_null_elsewhere(stream: ChatStream) -> Findings:
    """With include_usage only one chunk, the last that has usage, tells it.

    Clients that add up what they see count many times over. An absent member instead of null is
    let pass: no client we know of tells them apart.
    """
    only_if(asked_for(stream), "usage was not asked for")
    options = an_object(stream.request.get("stream_options"))
    only_if(not options.get("continuous_usage_stats"), "usage was asked for in each chunk")
    only_if(stream.usage, "no usage was sent")
    last = stream.usage[0].partition(".")[0] if stream.usage else ""
    for at, chunk in stream.chunks:
        if isinstance(chunk.get("usage"), dict) and at != last:
            yield Finding(f"{at}.usage", None, chunk["usage"])


@check(
    SHOULD,
    spec="CreateChatCompletionStreamResponse.usage",
    broken_by=[edit("events[-2].usage", COUNTS).on("stream.basic")],
)
def usage_absent_when_off(stream: ChatStream) -> Findings:
    """No chunk tells usage unless include_usage asks for it.

    A chunk for usage has no choices, and clients that don't expect one read choices[0].
    """
    only_if(stream.request and not asked_for(stream), "usage was asked for")
    for at, chunk in stream.chunks:
        if isinstance(chunk.get("usage"), dict):
            yield Finding(f"{at}.usage", MISSING, chunk["usage"])


@check(
    MUST,
    spec="CompletionUsage",
    broken_by=[drop("events[-2].usage.total_tokens").on("stream.usage")],
)
def usage_required_keys(stream: ChatStream) -> Findings:
    """The usage that a stream tells has prompt_tokens, completion_tokens and total_tokens.

    Clients add them up; openai-python 3.52 has None in place of a number.
    """
    only_if(any(chunk.get("usage") is not None for _, chunk in stream.chunks), "no usage was sent")
    for found in stream.breaks(*(f"events[*].usage.{name}" for name in COUNTS)):
        if found.got is MISSING:
            yield found


@check(
    SHOULD,
    spec="CompletionUsage.prompt_tokens",
    over=prompt_twin,
    broken_by=[
        change(
            "events[-2].usage",
            lambda usage: (
                usage | {key: usage[key] + 1 for key in ("prompt_tokens", "total_tokens")}
            ),
            "one prompt token more",
        ).on("stream.stop")
    ],
)
def usage_equals_nonstream(facts: list[Fact[Twin[int]]]) -> Findings:
    """The same request has as many prompt tokens streamed as in one piece.

    What a request costs does not depend on how its answer is delivered.
    """
    whole: dict[str, set[int]] = defaultdict(set)
    for fact in facts:
        if not fact.value.streamed:
            whole[fact.value.request].add(fact.value.value)
    streamed = [fact for fact in facts if fact.value.streamed]
    only_if(streamed, "nothing was streamed with usage")
    compared = [fact for fact in streamed if len(whole[fact.value.request]) == 1]
    inconclusive_if(not compared, "no request was answered both streamed and in one piece")
    for fact in compared:
        (want,) = whole[fact.value.request]
        if fact.value.value != want:
            place = "events[*].usage.prompt_tokens"
            yield Finding(place, want, fact.value.value, fact.exchange)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stream_options (only when stream is true)",
    breach=Outcome.LENIENT,
    broken_by=[edit("request.stream_options", {"include_usage": True}).on("chat.basic")],
)
def usage_option_without_stream_400(reply: Reply) -> Findings:
    """stream_options without stream is refused with status 400.

    OpenAI refuses it; a server that doesn't hides the client's mistake.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat completion")
    misplaced = reply.request.get("stream_options") is not None and not reply.asked_to_stream
    only_if(misplaced, "the request has no stream_options, or streams")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stream_options",
    breach=Outcome.REJECTED,
    broken_by=[refused_for("stream_options").on("stream.usage")],
)
def usage_option_accepted(reply: Reply) -> Findings:
    """A streaming request may ask for its usage with stream_options.include_usage.

    Many clients always do, to know what an answer costs.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat completion")
    only_if(reply.asked_to_stream and asked_for(reply), "usage was not asked for in a stream")
    yield from acceptance(reply, "stream_options")
