"""Answers: what the provider said is what the client is told."""

from __future__ import annotations

import json
from typing import Any, Final

from conformance.dialects import Meaning
from conformance.jsontext import parse
from conformance.model import MISSING, Finding, Findings
from conformance.mutate import all_of, drop, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import Answer, ChatCompletion, ChatReply, Reply, an_object
from conformance.suites.adapter._both_sides import (
    JSON_FORMATS,
    format_of,
    last,
    offers_tools,
    said,
    said_in_full,
    told_failure,
)

COUNTS: Final = ("prompt_tokens", "completion_tokens")
FINISHES: Final = ("stop", "length", "tool_calls", "content_filter")
CALLED: Final = ("tool_calls", "function_call")


def _same_form(reply: ChatReply) -> Meaning:
    """What the provider said, unless the adapter may have had to ask for it in another form.

    Where an API has no schemas for answers, a tool stands in; where it has no tools, a text.
    """
    found = said_in_full(reply)
    disguised = bool(found.calls) and not (offers_tools(reply) and not _wants_json(reply))
    only_if(not disguised, "a call stands for a text")
    only_if(bool(found.calls) or not reply.answers[0].calls, "a text stands for a call")
    return found


def _wants_json(reply: ChatReply) -> bool:
    return format_of(reply) in JSON_FORMATS


ERROR: Final = {"message": "string indices must be integers", "type": "server_error"}


@check(
    MUST,
    spec="RFC 9110 section 15.3",
    broken_by=[
        all_of(
            edit("body", json.dumps({"error": {"param": None, "code": None} | ERROR})),
            edit("status", 500),
        ).on("adapter.talk"),
        edit("events[9]", {"error": {"param": None, "code": None} | ERROR})
        .on("adapter.stream")
        .also("stream.error_no_done_after"),
    ],
)
def answer_passed_on(reply: Reply) -> Findings:
    """What the provider answered well is told to the client, and not turned into an error.

    It is paid for, and asked for again.
    """
    found = said(reply)
    only_if(found.complete and last(reply).failure is None, "the provider's answer was cut off")
    if told_failure(reply):
        yield Finding("body", want="the answer", got="an error")


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices",
    broken_by=[
        edit("choices[0].message.content", "1, 2, 3").on("adapter.chat"),
        drop("events[5]").on("adapter.stream").also("stream.chunk_joined_equals_nonstream"),
    ],
)
def text_preserved(reply: ChatReply) -> Findings:
    """The text that came from the other side is the text that is passed on.

    A word that gets lost in an adapter is missed by nobody, and by nothing.
    """
    found = _same_form(reply)
    wanted = found.text.strip()
    only_if(wanted and reply.request.get("stop") is None, "there is no text, or an end to look for")
    # What a model thinks is split off by some adapters, and stays in the text at others.
    only_if("<think>" not in wanted, "the model's thoughts are in the text")
    first = reply.answers[0]
    if first.text.strip() != wanted and _json(first.text) != _json(wanted):
        yield Finding(first.at, want=wanted, got=first.text)


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[
        edit("choices[0].finish_reason", "stop")
        .on("adapter.length")
        .also("params.max_tokens_finish_length"),
        edit("choices[0].finish_reason", "stop").on("adapter.tools").also("tools.finish_reason"),
    ],
)
def finish_reason_preserved(reply: ChatReply) -> Findings:
    """Why the answer ended is passed on: cut by the limit, filtered, or to have a tool called.

    An answer that was cut is taken for a whole one, and an agent stops in place of calling.
    """
    found = _same_form(reply)
    only_if(found.finish in FINISHES, "the other side gave no reason that OpenAI has a word for")
    first = reply.answers[0]
    if first.finish_reason not in _acceptable(reply, found, first):
        yield Finding(f"{first.at}.finish_reason", want=found.finish, got=first.finish_reason)


def _acceptable(reply: ChatReply, found: Meaning, first: Answer) -> set[str | None]:
    """The words for it; OpenAI has ``stop`` for a call that the request named."""
    fine = {found.finish}
    if found.finish in ("stop", "tool_calls") and first.calls:
        fine |= set(CALLED)
        fine |= {"stop"} if reply.named_tool or "function_call" in reply.request else set()
    return fine


@check(
    SHOULD,
    spec="CompletionUsage",
    broken_by=[
        all_of(edit("usage.completion_tokens", 60), edit("usage.total_tokens", 76)).on(
            "adapter.chat"
        ),
        drop("usage").on("adapter.chat").also("chat.usage_present"),
    ],
)
def usage_preserved(reply: ChatCompletion) -> Findings:
    """The tokens that the other side counted are the tokens that are told.

    Clients bill and budget by them.
    """
    spent = _same_form(reply).usage
    only_if(spent, "the other side counted nothing")
    got = an_object(reply.body.get("usage"))
    for name, count in zip(COUNTS, spent or (), strict=False):
        if got.get(name) != count:
            yield Finding(f"usage.{name}", want=count, got=got.get(name, MISSING))


@check(
    MUST,
    spec="ChatCompletionMessageToolCalls",
    broken_by=[
        edit("choices[0].message.tool_calls[1].function.arguments", '{"city":"Oslo"}').on(
            "adapter.tools"
        ),
        drop("choices[0].message.tool_calls[1]").on("adapter.tools"),
    ],
)
def tool_calls_preserved(reply: ChatReply) -> Findings:
    """The calls that came are the calls that are passed on: names, arguments and order.

    A call that is lost isn't made, and one with other arguments does something else.
    """
    found = _same_form(reply)
    only_if(found.calls and found.finish != "length", "there was no call, or half of one")
    first = reply.answers[0]
    wanted = [[call.name, call.arguments] for call in found.calls]
    got = [[call.name, _json(call.arguments)] for call in first.calls]
    if got != wanted:
        yield Finding(f"{first.at}.tool_calls", want=wanted, got=got)


def _json(text: str) -> Any:
    """The value of a text that is JSON, which may be spaced otherwise; else the text."""
    document = parse(text.encode("utf-8", "surrogatepass"))
    return text if document.error else document.value


@check(
    SHOULD,
    spec="ChatCompletionMessageToolCall.id",
    broken_by=[edit("choices[0].message.tool_calls[1].id", "call_1").on("adapter.tools")],
)
def tool_call_ids_preserved(reply: ChatReply) -> Findings:
    """The ids of calls are the ones the provider gave out, where its API has any.

    It may know a call by its id when the result is sent back, in its logs at least.
    """
    found = _same_form(reply)
    first = reply.answers[0]
    known = all(call.id for call in found.calls) and len(found.calls) == len(first.calls)
    only_if(found.calls and known, "the calls of the other side have no ids")
    for ours, theirs in zip(first.calls, found.calls, strict=True):
        if ours.id != theirs.id and not ours.legacy:
            yield Finding(f"{ours.at}.id", want=theirs.id, got=ours.id)


@check(
    MUST,
    spec="ResponseFormatJsonSchema",
    broken_by=[
        edit("choices[0].message.content", "It is zorp.")
        .on("adapter.schema_by_tool")
        .also("structured.json_schema_valid")
    ],
)
def schema_answer_is_text(reply: ChatReply) -> Findings:
    """An answer that the adapter had a tool called for is told as text, as the client asked for it.

    The client offered no tool: it parses the content, and makes nothing of a call.
    """
    found = said_in_full(reply)
    only_if(_wants_json(reply) and not offers_tools(reply), "no format was asked for, or tools too")
    only_if(found.calls and found.finish != "length", "the other side made no call")
    first = reply.answers[0]
    wanted = found.calls[0].arguments
    if first.calls:
        yield Finding(f"{first.at}.tool_calls", want="none", got=first.calls[0].name)
    elif parse(first.text.encode("utf-8", "surrogatepass")).error:
        yield Finding(first.at, want=wanted, got=first.text)
