"""The kinds of messages that a chat completions endpoint takes."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any, Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import Mutant, all_of, change, edit
from conformance.registry import SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    ChatReply,
    Endpoint,
    ErrorReply,
    Json,
    Refusal,
    Reply,
    a_text,
    objects,
)
from conformance.suites._refusals import REFUSED, crash, crashed, lacking, message_of
from conformance.suites.errors.mistakes import misshapen

LARGE: Final = range(8_000, 16_000)
"""Bytes of a request that no server should find too large."""
TOO_LARGE: Final = 413
_SYSTEM: Final = re.compile(
    r"\bsystem\b.{0,20}\b(?:role|message|prompt)|\brole\b.{0,40}\bsystem\b", re.IGNORECASE
)
_STRING: Final = re.compile(
    r"\bcontent\b.{0,60}\bstring\b|\bstring\b.{0,60}\bcontent\b", re.IGNORECASE | re.DOTALL
)
_NAME: Final = re.compile(r"messages\W{1,3}\d+\W{1,3}name\b|[`'\"]name[`'\"]")
_REPLACED: Final = "\ufffd"


def _messages(reply: Reply) -> list[Json]:
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    return [message for _, message in objects(reply.request, "messages")]


def _roles(reply: Reply) -> list[str]:
    return [a_text(message.get("role")) for message in _messages(reply)]


def _out_of_turn(roles: list[str]) -> bool:
    """Whether a conversation is other than the user's and the assistant's turns."""
    return any(left == right for left, right in itertools.pairwise(roles))


def _rejected(reply: Reply, pattern: re.Pattern[str], what: str) -> Findings:
    """A finding where an error says, by ``pattern``, that it is about ``what``."""
    if isinstance(reply, Refusal):
        only_if(not misshapen(reply), "the messages are no messages")
        only_if(not lacking(reply), "this model does not take it")
        said = reply.status in REFUSED and pattern.search(message_of(reply))
        inconclusive_if(not said, "the request failed for another reason")
        yield Finding("request.messages", want=f"{what} accepted", got=message_of(reply))


def _refused(message: str) -> Mutant:
    error = {"message": message, "type": "invalid_request_error", "param": "messages", "code": None}
    return all_of(edit("status", 400), edit("body", json.dumps({"error": error})))


def _with_first(role: str, **more: Any) -> Mutant:
    message = {"role": role, "content": "Be brief.", **more}
    return change("request.messages", lambda old: [message, *old], f"a {role} message first")


@check(
    SHOULD,
    spec="ChatCompletionRequestDeveloperMessage",
    breach=Outcome.REJECTED,
    broken_by=[_refused("unknown variant `developer`, expected `system`").on("chat.developer")],
)
def request_roles_developer(reply: ChatReply | ErrorReply) -> Findings:
    """A developer message is accepted.

    Agents for current OpenAI models send their instructions in this role.
    """
    only_if("developer" in _roles(reply), "no message is the developer's")
    yield from _rejected(reply, re.compile("developer"), "a developer message")


@check(
    SHOULD,
    spec="ChatCompletionRequestSystemMessage",
    breach=Outcome.REJECTED,
    broken_by=[_refused("System role not supported").on("chat.multi_turn")],
)
def request_roles_system(reply: ChatReply | ErrorReply) -> Findings:
    """A system message is accepted.

    Nearly every application puts its instructions there.
    """
    roles = _roles(reply)
    first = roles[:1] == ["system"] and roles.count("system") == 1
    only_if(first and not _out_of_turn(roles[1:]), "there is not just one, at the beginning")
    yield from _rejected(reply, _SYSTEM, "a system message")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.messages",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(_with_first("system"), _refused("System message must be at the beginning.")).on(
            "chat.multi_turn"
        )
    ],
)
def request_roles_multi_system(reply: ChatReply | ErrorReply) -> Findings:
    """Several system messages are accepted.

    Frameworks add their own to the application's.
    """
    only_if(_roles(reply).count("system") > 1, "there are not several system messages")
    yield from _rejected(reply, _SYSTEM, "several system messages")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.messages",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(
            _with_first("user"),
            _refused("Conversation roles must alternate user/assistant/user/assistant/..."),
        ).on("chat.basic")
    ],
)
def request_roles_consecutive_user(reply: ChatReply | ErrorReply) -> Findings:
    """Two user messages in a row are accepted.

    Chat windows and agents send them whenever a user writes twice.
    """
    roles = _roles(reply)
    in_a_row = ("user", "user") in itertools.pairwise(roles)
    only_if(in_a_row, "no two user messages follow each other")
    yield from _rejected(reply, re.compile("alternat", re.IGNORECASE), "two user messages in a row")


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.messages",
    broken_by=[
        all_of(
            change(
                "request.messages",
                lambda old: [*old, {"role": "assistant", "content": "1, 2,"}],
                "an assistant message last",
            ),
            crashed(),
        ).on("chat.basic")
    ],
)
def request_roles_assistant_last(reply: Reply) -> Findings:
    """An assistant message at the end is continued, answered or refused, but no crash.

    The SDKs send a request that failed with 500 again.
    """
    only_if(_roles(reply)[-1:] == ["assistant"], "the last message is not the assistant's")
    yield from crash(reply, "messages")


def _in_parts(messages: list[Json]) -> list[Json]:
    return [{**one, "content": [{"type": "text", "text": one["content"]}]} for one in messages]


@check(
    SHOULD,
    spec="ChatCompletionRequestMessageContentPartText",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(
            change("request.messages", _in_parts, "content in text parts"),
            _refused("messages[0].content must be a string"),
        ).on("chat.basic")
    ],
)
def request_content_parts_text(reply: ChatReply | ErrorReply) -> Findings:
    """The content may be an array of text parts.

    Several client libraries write every message so.
    """
    kinds = [
        part.get("type") for message in _messages(reply) for _, part in objects(message, "content")
    ]
    text_only = kinds and all(kind == "text" for kind in kinds)
    only_if(text_only, "there are no text parts, or others too")
    yield from _rejected(reply, _STRING, "text parts")


@check(
    SHOULD,
    spec="ChatCompletionRequestUserMessage.content",
    broken_by=[
        all_of(
            edit("request.messages[0].content", ""),
            crashed(),
        ).on("chat.basic")
    ],
)
def request_content_empty_string(reply: Reply) -> Findings:
    """An empty content is answered or refused, but no crash.

    The SDKs send a request that failed with 500 again.
    """
    only_if(any(one.get("content") == "" for one in _messages(reply)), "no content is empty")
    yield from crash(reply, "messages")


@check(
    SHOULD,
    spec="RFC 8259 section 8.1",
    broken_by=[
        change(
            "choices[0].message.content",
            lambda text: text.encode().decode("latin-1"),
            "UTF-8 read as Latin-1",
        ).on("chat.unicode"),
        edit("choices[0].message.content", "Zoë reads \ufffd\ufffd").on("chat.unicode"),
    ],
)
def request_content_unicode(reply: ChatReply) -> Findings:
    """Characters of the prompt come back whole when the answer repeats them.

    Names and whole languages turn into garbage.
    """
    said = json.dumps([_messages(reply), reply.request.get("tools")], ensure_ascii=False)
    foreign = sorted(set(re.findall(r"[^\x00-\x7f]", said)))[:500]
    only_if(foreign, "the prompt is ASCII")
    for answer in reply.answers:
        garbage = [_mangled(one) for one in foreign]
        found = next((one for one in garbage if one in answer.text and one not in said), None)
        # Half a character may be left where an answer was cut.
        if found is None and _REPLACED not in said and answer.finish_reason == "stop":
            found = _REPLACED if _REPLACED in answer.text else None
        if found:
            yield Finding(answer.at, want="the characters of the prompt", got=found)


def _mangled(character: str) -> str:
    """What a character becomes when its UTF-8 bytes are taken for Latin-1."""
    return character.encode("utf-8", "surrogatepass").decode("latin-1")


@check(
    SHOULD,
    spec="ChatCompletionRequestUserMessage.name",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(
            edit("request.messages[0].name", "ada"),
            _refused("property 'messages[0].name' is unsupported, did you mean 'role'?"),
        ).on("chat.basic")
    ],
)
def request_name_accepted(reply: ChatReply | ErrorReply) -> Findings:
    """A message may have a name.

    Frameworks with several agents tell them apart by it.
    """
    named = [one for one in _messages(reply) if "name" in one and one.get("role") != "tool"]
    only_if(named, "no message has a name")
    yield from _rejected(reply, _NAME, "a name")


@check(
    SHOULD,
    spec="OpenAI API reference: Chat completions",
    broken_by=[
        all_of(
            edit("request.messages[0].content", "word " * 1800),
            edit("status", TOO_LARGE),
            edit("body", '{"error":{"message":"too large","type":"x","param":null,"code":null}}'),
        ).on("chat.basic")
    ],
)
def request_large_prompt_ok(reply: Reply) -> Findings:
    """A request of eight kilobytes is not too large.

    Documents and conversations are often longer.
    """
    only_if(reply.endpoint is Endpoint.CHAT, "not a chat request")
    only_if(len(reply.exchange.request.body) in LARGE, "the request is small, or really large")
    if reply.status == TOO_LARGE:
        yield Finding("status", want="not 413", got=reply.status)
