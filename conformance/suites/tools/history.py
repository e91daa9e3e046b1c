"""Tool calls and their results, sent back as part of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from conformance import jsontext
from conformance.model import Finding, Findings, Outcome, Request
from conformance.mutate import DoesNotFit, Mutant, all_of, by_request, change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, only_if
from conformance.replies import (
    ChatCompletion,
    ChatReply,
    Endpoint,
    ErrorReply,
    Json,
    Place,
    Reply,
    a_text,
    an_object,
    objects,
)
from conformance.suites._refusals import refusal
from conformance.suites.tools.call import FIRST, NO_CALL
from conformance.suites.tools.request import blamed, refused

_CONTENT: Final = r"\bcontent\b.{0,60}\b(null|none|nil|required|missing|empty)\b|<nil>"
_EMPTY: Final = r"\bcontent\b.{0,60}\b(empty|non-empty|blank|at least|required)\b"
_PARTS: Final = r"\bcontent\b.{0,80}\b(string|str|array|list|sequence|parts?)\b"
_PAIRS: Final = r"\btool_call_id|\border\b|\bpreceding\b"


def messages(reply: Reply) -> list[Place]:
    """The messages of a chat request with calls or results in it, each with its id.

    Raises NotApplicable.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    found = objects(reply.request, "messages", "request")
    some = any(one.get("role") == "tool" or one.get("tool_calls") for _, one in found)
    only_if(some, "no tool was called before")
    results = [one for _, one in found if one.get("role") == "tool"]
    only_if(all(a_text(one.get("tool_call_id")) for one in results), "a result names no call")
    return found


def calls_of(message: Json) -> list[str]:
    """The ids of the calls in a message."""
    return [a_text(call.get("id")) for _, call in objects(message, "tool_calls")]


def _refused_at(said: str, fits: Callable[[Json], object]) -> Mutant:
    """The edit that makes an exchange a refusal of the first message that ``fits``."""

    def made(request: Request) -> Mutant:
        sent = an_object(jsontext.parse(request.body).value)
        places = [at for at, message in objects(sent, "messages") if fits(message)]
        if not places:
            raise DoesNotFit("no such message")
        as_json = edit("headers.content-type", "application/json")  # where a stream was asked for
        return all_of(as_json, refused(f"{places[0]}{said}"))

    return by_request(made, f'status = 400; "messages[…]{said}"')


def _unanswered(found: list[Place]) -> Iterator[tuple[str, str]]:
    """The calls that have no result before somebody else speaks: their place and id."""
    waiting: dict[str, str] = {}
    for at, message in found:
        if message.get("role") == "tool":
            waiting.pop(a_text(message.get("tool_call_id")), None)
            continue
        yield from ((place, id_) for id_, place in waiting.items())
        waiting = dict.fromkeys(filter(None, calls_of(message)), at)
    yield from ((place, id_) for id_, place in waiting.items())


def _orphans(found: list[Place]) -> Iterator[str]:
    """The places of results whose call is nowhere before them."""
    known: set[str] = set()
    for at, message in found:
        if message.get("role") == "tool" and a_text(message.get("tool_call_id")) not in known:
            yield at
        known.update(calls_of(message))


def calling(reply: Reply) -> list[Place]:
    """The assistant's messages with calls in a history that is in order. Raises NotApplicable."""
    found = messages(reply)
    only_if(not [*_unanswered(found), *_orphans(found)], "calls and results do not fit")
    return [place for place in found if place[1].get("tool_calls")]


@check(
    SHOULD,
    spec="measured: OpenAI refuses it",
    broken_by=[drop("request.messages[2]").on("chat.tool_result")],
    breach=Outcome.LENIENT,
)
def history_missing_result_400(reply: Reply) -> Findings:
    """A conversation in which a tool call has no result is refused with 400.

    To accept it is friendlier, but code that relies on it fails elsewhere.
    """
    found = messages(reply)
    only_if(not list(_orphans(found)), "a result answers no call")
    only_if(list(_unanswered(found)), "every call has its result")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="measured: OpenAI refuses it",
    broken_by=[edit("request.messages[2].tool_call_id", "call_other").on("chat.tool_result")],
    breach=Outcome.LENIENT,
)
def history_orphan_result_400(reply: Reply) -> Findings:
    """A tool's result that answers no call before it is refused with 400.

    To accept it is friendlier, but code that relies on it fails elsewhere.
    """
    only_if(list(_orphans(messages(reply))), "every result has its call")
    yield from refusal(reply)


@check(
    MUST,
    spec="ChatCompletionRequestAssistantMessage.content",
    broken_by=[refused("messages[1].content must not be null").on("chat.tool_result")],
)
def history_roundtrip(reply: ChatReply | ErrorReply) -> Findings:
    """A tool call with content null is accepted back, together with its result.

    It is what the API itself answers; without it no agent gets to its second turn.
    """
    callers = calling(reply)
    null = [f"{at}.content" for at, m in callers if "content" in m and m["content"] is None]
    only_if(null, "no call has content null")
    places = {at for at, _ in callers}
    others = [m for at, m in messages(reply) if at not in places]
    only_if(all(m.get("content") is not None for m in others), "others have content null as well")
    yield from blamed(reply, null, _CONTENT)


@check(
    SHOULD,
    spec="ChatCompletionRequestAssistantMessage.content",
    broken_by=[
        _refused_at(
            ": content must be non-empty",
            lambda message: message.get("content") == "" and "tool_calls" in message,
        ).on("chat.tool_again")
    ],
)
def history_content_empty_ok(reply: ChatReply | ErrorReply) -> Findings:
    """A tool call beside empty content is accepted back.

    Frameworks send an empty string where the API said null.
    """
    empty = [f"{at}.content" for at, message in calling(reply) if message.get("content") == ""]
    only_if(empty, "no call has empty content")
    yield from blamed(reply, empty, _EMPTY)


@check(
    SHOULD,
    spec="ChatCompletionRequestAssistantMessage.content",
    broken_by=[
        _refused_at(
            ".content: Field required",
            lambda message: "content" not in message and "tool_calls" in message,
        ).on("chat.tool_again")
    ],
)
def history_content_absent_ok(reply: ChatReply | ErrorReply) -> Findings:
    """A tool call without the member content is accepted back.

    Frameworks leave out what is null.
    """
    absent = [f"{at}.content" for at, message in calling(reply) if "content" not in message]
    only_if(absent, "every call has content")
    yield from blamed(reply, absent, _CONTENT)


@check(
    SHOULD,
    spec="ChatCompletionRequestToolMessage.content",
    broken_by=[
        _refused_at(
            ".content must be a string",
            lambda message: message.get("role") == "tool" and objects(message, "content"),
        )
        .on("chat.tool_again")
        .also("chat.request_content_parts_text")
    ],
)
def history_result_parts(reply: ChatReply | ErrorReply) -> Findings:
    """A tool's result may be an array of text parts.

    Frameworks that know parts write them everywhere.
    """
    calling(reply)
    results = [(at, m) for at, m in messages(reply) if m.get("role") == "tool"]
    parts = [
        f"{at}.content"
        for at, message in results
        if (said := objects(message, "content")) and all(p.get("type") == "text" for _, p in said)
    ]
    only_if(parts, "no result has text parts")
    yield from blamed(reply, parts, _PARTS)


@check(
    SHOULD,
    spec="ChatCompletionRequestToolMessage.content",
    broken_by=[
        _refused_at(
            ".content must be non-empty",
            lambda message: message.get("role") == "tool" and message.get("content") == "",
        ).on("chat.tool_again")
    ],
)
def history_result_empty(reply: ChatReply | ErrorReply) -> Findings:
    """A tool's result may be an empty string.

    Many tools have nothing to say when all went well.
    """
    calling(reply)
    results = [(at, m) for at, m in messages(reply) if m.get("role") == "tool"]
    empty = [f"{at}.content" for at, message in results if message.get("content") == ""]
    only_if(empty, "no result is empty")
    yield from blamed(reply, empty, _EMPTY)


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[refused("tool results must be in the order of the calls").on("chat.tool_again")],
)
def history_parallel_any_order(reply: ChatReply | ErrorReply) -> Findings:
    """The results of parallel calls may come in any order.

    Clients run such tools at the same time and send what is finished first.
    """
    swapped = []
    callers = {at for at, _ in calling(reply)}
    found = messages(reply)
    for start, (at, message) in enumerate(found, 1):
        ids = calls_of(message) if at in callers else []
        answered = [a_text(m.get("tool_call_id")) for _, m in found[start : start + len(ids)]]
        if answered != ids:
            swapped.append(at)
    only_if(swapped, "every result is in the order of the calls")
    yield from blamed(reply, swapped, _PAIRS)


@check(
    SHOULD,
    spec="measured: OpenAI",
    broken_by=[
        _refused_at(
            ".tool_calls[0].index: extra field",
            lambda message: any("index" in call for _, call in objects(message, "tool_calls")),
        ).on("chat.tool_again")
    ],
)
def history_extra_index_ok(reply: ChatReply | ErrorReply) -> Findings:
    """A call is accepted back with the index it had in a stream.

    Code that joins the fragments of a stream keeps it.
    """
    found = [
        f"{at}.index"
        for place, message in calling(reply)
        for at, call in objects(message, "tool_calls", place)
        if "index" in call
    ]
    only_if(found, "no call has an index")
    unknown = r"(extra|unknown|unexpected|unrecognized|not permitted|not allowed)"
    words = rf"\bindex\b.{{0,60}}{unknown}|{unknown}.{{0,60}}\bindex\b"
    yield from blamed(reply, found, words)


@check(
    MAY,
    spec="ChatCompletionMessageToolCall",
    broken_by=[change(f"{FIRST}.index", lambda _: 0, f"{FIRST}.index = 0")],
)
def history_nonstream_no_index(reply: ChatCompletion) -> Findings:
    """Outside of streams, tool calls have no index.

    Servers that refuse unknown members refuse such a call when it is sent back.
    """
    only_if(reply.tool_calls, NO_CALL)
    for at, call in reply.tool_calls:
        if "index" in call:
            yield Finding(f"{at}.index", want="no such member", got=call["index"])
