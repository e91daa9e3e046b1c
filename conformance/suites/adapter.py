"""Adapters: what they send on, and what they make of the answer, seen on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from conformance.model import MISSING, Exchange, Finding, Findings
from conformance.mutate import all_of, drop, edit, insert
from conformance.recognise import recognise
from conformance.registry import MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    ChatStream,
    Endpoint,
    ErrorReply,
    Json,
    Reply,
    Stream,
    a_text,
    an_object,
    is_int,
    objects,
)

LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""The two names of one parameter."""
COUNTS: Final = ("prompt_tokens", "completion_tokens", "total_tokens")
FAILED: Final = 400


def _upstream(reply: Reply) -> Exchange:
    """The last exchange that the adapter had: the one its answer is made of."""
    only_if(reply.exchange.upstream, "there is no other side")
    last = reply.exchange.upstream[-1]
    only_if(last.response, "the other side did not answer")
    return last


def _sent_on(reply: Reply) -> Reply:
    """The last exchange, where the adapter spoke the chat completions API on the other side too."""
    other = recognise(_upstream(reply))
    same = other is not None and other.endpoint is Endpoint.CHAT
    only_if(same and reply.endpoint is Endpoint.CHAT, "the other side speaks another API")
    return other or reply


@check(
    MUST,
    spec="RFC 9110 section 15",
    broken_by=[edit("status", 500).on("adapter.error").also("errors.retryable_5xx")],
)
def error_status_preserved(reply: Reply) -> Findings:
    """A refusal stays a refusal and a failure a failure: the first digit of the status is kept.

    SDKs retry on 500 and not on 400; an error that became 200 is read as an answer.
    """
    response = _upstream(reply).response
    status = response.status if response else 0
    only_if(status >= FAILED, "the other side did not fail")
    if reply.status // 100 != status // 100:
        yield Finding("status", want=f"{status // 100}xx, as {status}", got=reply.status)


def _messages(value: Any, depth: int = 4) -> Iterator[str]:
    """The texts called message, in the error body of any API."""
    if depth and isinstance(value, list):
        for item in value[:4]:
            yield from _messages(item, depth - 1)
    elif depth and isinstance(value, dict):
        if a_text(value.get("message")).strip():
            yield value["message"]
        for item in list(value.values())[:16]:
            yield from _messages(item, depth - 1)


@check(
    SHOULD,
    spec="Error.message",
    broken_by=[edit("error.message", "Something went wrong.").on("adapter.error")],
)
def error_message_preserved(reply: ErrorReply) -> Findings:
    """The message of the error is the one that came from the other side, or holds it.

    Only that one says what is wrong with the request.
    """
    other = recognise(_upstream(reply))
    inner = next(_messages(other.document.value), None) if other else None
    only_if(inner and isinstance(other, ErrorReply), "the other side gave no message")
    wanted, got = " ".join((inner or "").split()), " ".join(_said(reply).split())
    # Some adapters quote the whole body, in which quotes are escaped.
    if wanted not in got and json.dumps(wanted)[1:-1] not in got:
        yield Finding("error.message", want=f"text that holds {wanted[:150]!r}", got=got)


def _said(reply: ErrorReply) -> str:
    return a_text(reply.error.get("message")) or a_text(reply.body.get("error"))


@check(
    SHOULD,
    spec="ChatCompletionStreamOptions.include_usage",
    broken_by=[
        all_of(
            edit("events[-2].usage.prompt_tokens", 15), edit("events[-2].usage.total_tokens", 74)
        )
        .on("adapter.stream")
        .also("chat.usage_stable_prompt", "stream.usage_equals_nonstream"),
        drop("events[-2]").on("adapter.stream").also("stream.usage_chunk_present"),
    ],
)
def stream_usage_preserved(stream: ChatStream) -> Findings:
    """The usage that was asked for and came from the other side is passed on as it came.

    Clients bill and budget by it.
    """
    options = an_object(stream.request.get("stream_options"))
    only_if(options.get("include_usage") is True, "no usage was asked for")
    other = _sent_on(stream)
    only_if(isinstance(other, ChatStream) and other.usage, "the other side sent no usage")
    inconclusive_if(stream.interrupted, "the stream was interrupted")
    sent = other.usage[1] if isinstance(other, ChatStream) and other.usage else {}
    at, got = stream.usage or ("usage", {})
    for name in COUNTS:
        if got.get(name) != sent.get(name):
            yield Finding(f"{at}.{name}", want=sent.get(name), got=got.get(name, MISSING))


@check(
    MUST,
    spec="WHATWG HTML 9.2.6",
    broken_by=[
        insert("events[1]", "data: : ping\n\n").on("adapter.stream").also("stream.sse_data_is_json")
    ],
)
def stream_comments_not_data(stream: Stream) -> Findings:
    """A comment that keeps the connection alive is not turned into data.

    SDKs parse all data as JSON, and raise on it.
    """
    only_if(stream.exchange.upstream, "there is no other side")
    for i, event in enumerate(stream.events):
        if event.data.lstrip().startswith(":"):
            yield Finding(f"events[{i}]", want="a comment or nothing", got=event.data)


def _calls(request: Json) -> dict[str, tuple[str, Json]]:
    """The messages with tool calls by the id of their first call, with their places."""
    found: dict[str, tuple[str, Json]] = {}
    for at, message in objects(request, "messages"):
        for _, call in objects(message, "tool_calls")[:1]:
            found.setdefault(a_text(call.get("id")), (at, message))
    return found


@check(
    MUST,
    spec="ChatCompletionRequestAssistantMessage.content",
    broken_by=[drop("upstream[0].request.messages[1].content").on("adapter.tool_result")],
)
def null_content_preserved(reply: Reply) -> Findings:
    """A message with tool calls and content null is sent on with its content.

    Some servers refuse a message without the member, so the second turn fails.
    """
    before = _calls(reply.request)
    empty = {
        name: at
        for name, (at, message) in before.items()
        if name and "content" in message and message["content"] is None
    }
    only_if(empty, "no message had content null")
    after = _calls(_sent_on(reply).request)
    for name, at in empty.items():
        if name in after and "content" not in after[name][1]:
            yield Finding(f"request.{at}.content", want="sent on as null or text", got=MISSING)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.max_completion_tokens",
    broken_by=[
        edit("upstream[0].request.max_tokens", 4).on("adapter.length"),
        drop("upstream[0].request.max_tokens").on("adapter.length"),
    ],
)
def param_rename(reply: ChatReply) -> Findings:
    """max_tokens and max_completion_tokens may be renamed into each other; the value is kept.

    A limit that is lost is paid for, one that is changed cuts the answer off elsewhere.
    """
    asked = [(name, reply.request[name]) for name in LIMITS if is_int(reply.request.get(name))]
    only_if(len(asked) == 1, "there was no limit, or two")
    sent = _sent_on(reply).request
    name, limit = asked[0]
    got = [sent[other] for other in LIMITS if sent.get(other) is not None]
    if got != [limit] * len(got) or not got:
        yield Finding(f"request.{name}", want=limit, got=got[0] if got else MISSING)
