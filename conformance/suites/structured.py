"""Rules about response_format: JSON mode and structured outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from conformance import jsontext
from conformance.model import MISSING, Evidence, Finding, Findings, Outcome
from conformance.mutate import all_of, change, drop, edit
from conformance.registry import MAY, MUST, SHOULD, check, inconclusive_if, only_if
from conformance.replies import (
    Answer,
    ChatReply,
    ChatStream,
    ErrorReply,
    Json,
    Refusal,
    Reply,
    an_object,
)
from conformance.suites._refusals import (
    acceptance,
    crash,
    crashed,
    message_of,
    refusal,
    refused_for,
    sent,
)
from conformance.suites._user_schema import departure
from conformance.suites.chat.message import text_place
from conformance.suites.params.limits import limit_reached

TYPES: Final = ("text", "json_object", "json_schema")
FENCE: Final = "```"
_DECODER: Final = json.JSONDecoder()
CONTENT: Final = "choices[0].message.content"


def _asked_for(reply: Reply, kind: str) -> Json:
    """The response_format; not applicable unless it is of this type."""
    value = sent(reply, "response_format")
    only_if(isinstance(value, dict) and value.get("type") == kind, f"the format is not {kind}")
    return an_object(value)


def _strict_schema(reply: Reply) -> Json:
    wanted = an_object(_asked_for(reply, "json_schema").get("json_schema"))
    only_if(wanted.get("strict") is True, "the schema is not strict")
    only_if(isinstance(wanted.get("schema"), dict), "there is no schema")
    return an_object(wanted["schema"])


def _texts(reply: ChatReply) -> Iterator[Answer]:
    """The answers that stopped of themselves with some text; inconclusive without one."""
    only_if(not reply.request.get("stop"), "a stop sequence may have cut the text")
    inconclusive_if(limit_reached(reply), "the limit may have cut the text")
    broken = isinstance(reply, ChatStream) and reply.interrupted
    inconclusive_if(broken, "the stream was interrupted")
    # Content that is no string is chat.message_content_type's.
    others = {found.at for found in reply.breaks("choices[*].message.content")}
    found = [
        answer
        for answer in reply.answers
        if answer.finish_reason == "stop" and answer.text.strip()
        if not answer.refusal and not answer.calls
        if f"{answer.at}.message.content" not in others
    ]
    inconclusive_if(not found, "no answer is whole: refused, cut, filtered, empty, or a tool call")
    # Genuine models sometimes go on after their JSON and say it all again.
    twice = any(_is_repeated(answer.text) for answer in found)
    inconclusive_if(twice, "the model repeated its JSON")
    yield from found


def _is_repeated(text: str) -> bool:
    """Whether a text is one JSON object after another."""
    try:
        first, end = _DECODER.raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return isinstance(first, dict) and text.lstrip()[end:].lstrip().startswith("{")


@check(
    MUST,
    spec="ResponseFormatJsonObject",
    breach=Outcome.IGNORED,
    broken_by=[edit(CONTENT, "Sure! Here it is: OK").on("chat.json_object")],
)
def json_object_parses(reply: ChatReply) -> Findings:
    """In JSON mode, an answer is a JSON text.

    Programs read it without looking: they fail at the first word of prose.
    """
    _asked_for(reply, "json_object")
    for answer in _texts(reply):
        document = jsontext.parse(answer.text)
        wrong = document.error is not None and not document.beyond_limits
        if wrong and not _fenced(answer):
            yield Finding(text_place(reply, answer), want="a JSON text", got=answer.text[:200])


def _fenced(answer: Answer) -> bool:
    return answer.text.lstrip().startswith(FENCE)


@check(
    SHOULD,
    spec="OpenAI guide: Structured outputs, JSON mode",
    breach=Outcome.IGNORED,
    broken_by=[edit(CONTENT, "[1,2]").on("chat.json_object")],
)
def json_object_is_object(reply: ChatReply) -> Findings:
    """In JSON mode, an answer is a JSON object.

    Programs look up members by name.
    """
    _asked_for(reply, "json_object")
    for answer in _texts(reply):
        document = jsontext.parse(answer.text)
        if document.error is None and not isinstance(document.value, dict):
            yield Finding(text_place(reply, answer), want="an object", got=answer.text[:200])


@check(
    MUST,
    spec="ResponseFormatJsonObject",
    breach=Outcome.IGNORED,
    broken_by=[edit(CONTENT, '```json\n{"answer":"OK"}\n```').on("chat.json_object")],
)
def json_object_no_fence(reply: ChatReply) -> Findings:
    """In JSON mode, an answer is not wrapped in a Markdown fence.

    No JSON parser reads it.
    """
    _asked_for(reply, "json_object")
    for answer in _texts(reply):
        if _fenced(answer):
            yield Finding(text_place(reply, answer), want="bare JSON", got=answer.text[:200])


def _acceptance(reply: ChatReply | ErrorReply) -> Findings:
    """A finding where a format was refused as such, not for its schema."""
    if isinstance(reply, Refusal):
        param = reply.error.get("param")
        deeper = isinstance(param, str) and param not in ("response_format", "response_format.type")
        schema = "schema for response_format" in message_of(reply)
        inconclusive_if(deeper or schema, "something else was refused")
    yield from acceptance(reply, "response_format")


@check(
    SHOULD,
    spec="ResponseFormatJsonObject",
    breach=Outcome.REJECTED,
    broken_by=[refused_for("response_format").on("chat.json_object")],
)
def json_object_accepted(reply: ChatReply | ErrorReply) -> Findings:
    """JSON mode is accepted.

    It is the oldest way to get JSON, and many clients know no other.
    """
    _asked_for(reply, "json_object")
    yield from _acceptance(reply)


@check(
    MUST,
    spec="ResponseFormatText",
    breach=Outcome.REJECTED,
    broken_by=[
        all_of(
            edit("request.response_format", {"type": "text"}), refused_for("response_format")
        ).on("chat.basic")
    ],
)
def text_accepted(reply: ChatReply | ErrorReply) -> Findings:
    """The format text, the default, is accepted.

    Frameworks send it when nobody asked for JSON.
    """
    _asked_for(reply, "text")
    yield from _acceptance(reply)


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.response_format",
    broken_by=[edit("request.response_format", {"type": "poem"}).on("chat.basic")],
)
def unknown_type_400(reply: Reply) -> Findings:
    """An unknown format is refused with 400.

    The client gets prose where it asked for something it can read.
    """
    value = sent(reply, "response_format")
    only_if(isinstance(value, dict) and value.get("type") not in TYPES, "the format is known")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="ResponseFormatJsonSchema",
    breach=Outcome.REJECTED,
    broken_by=[refused_for("response_format").on("chat.json_schema")],
)
def json_schema_accepted(reply: ChatReply | ErrorReply) -> Findings:
    """A JSON Schema for the answer is accepted.

    Typed clients ask for all their data so.
    """
    _asked_for(reply, "json_schema")
    yield from _acceptance(reply)


@check(
    MUST,
    spec="ResponseFormatJsonSchema.json_schema.strict",
    covers=["structured.json_schema.enum_enforced", "structured.json_schema.stream"],
    breach=Outcome.IGNORED,
    broken_by=[
        edit(CONTENT, '{"colour":"zorp","why":"it is"}')
        .on("chat.json_schema")
        .also("stream.chunk_joined_equals_nonstream"),
        edit(CONTENT, '{"colour":"blue"}').on("chat.json_schema"),
        edit(CONTENT, "The sky is blue.").on("chat.json_schema"),
    ],
)
def json_schema_valid(reply: ChatReply) -> Findings:
    """An answer obeys the strict schema it was asked to obey.

    Typed clients raise an error instead of handing on the data.
    """
    schema = _strict_schema(reply)
    for answer in _texts(reply):
        document = jsontext.parse(answer.text)
        inconclusive_if(document.beyond_limits, "it is too large to be judged")
        problem = document.error or departure(schema, document.value)
        if problem:
            want = f"JSON as the schema has it: {problem}"
            yield Finding(text_place(reply, answer), want=want[:300], got=answer.text[:200])


def _why_first(schema: Json) -> Json:
    return {**schema, "properties": {"why": {"type": "string"}, **schema["properties"]}}


def _why_last(text: str) -> str:
    value = json.loads(text)
    why = value.pop("why", "it is")
    return json.dumps({**value, "why": why})


@check(
    MAY,
    spec="OpenAI guide: Structured outputs, key ordering",
    needs=[Evidence.BODY],
    broken_by=[
        all_of(
            change("request.response_format.json_schema.schema", _why_first, "why comes first"),
            change(CONTENT, _why_last, "why comes last"),
        ).on("chat.json_schema")
    ],
)
def json_schema_key_order(reply: ChatReply) -> Findings:
    """The members of an answer come in the order of the schema.

    Prompts that have the model think before it decides rely on it.
    """
    names = list(an_object(_strict_schema(reply).get("properties")))
    for answer in _texts(reply):
        got = [name for name in an_object(jsontext.parse(answer.text).value) if name in names]
        if got != [name for name in names if name in got]:
            yield Finding(text_place(reply, answer), want=names[:20], got=got[:20])


@check(
    SHOULD,
    spec="ResponseFormatJsonSchema.json_schema.name",
    broken_by=[drop("request.response_format.json_schema.name").on("chat.json_schema")],
)
def json_schema_name_required(reply: Reply) -> Findings:
    """A schema without a name is refused with 400.

    A client made on such a server fails on others.
    """
    wanted = _asked_for(reply, "json_schema").get("json_schema")
    only_if(isinstance(wanted, dict) and "name" not in wanted, "the schema has a name")
    yield from refusal(reply)


@check(
    SHOULD,
    spec="OpenAI guide: Structured outputs, supported schemas",
    breach=Outcome.LENIENT,
    broken_by=[
        drop("request.response_format.json_schema.schema.additionalProperties").on(
            "chat.json_schema"
        )
    ],
)
def json_schema_bad_schema_400(reply: Reply) -> Findings:
    """A strict schema that does not rule out further members is refused with 400.

    A client made on such a server fails on OpenAI's.
    """
    schema = _strict_schema(reply)
    plain = schema.get("type") == "object" and "$ref" not in schema
    only_if(plain and schema.get("additionalProperties") is not False, "the schema may be strict")
    yield from refusal(reply)


@check(
    MAY,
    spec="CreateChatCompletionRequest.response_format",
    broken_by=[all_of(edit("request.tools", []), crashed()).on("chat.json_schema")],
)
def json_schema_with_tools(reply: Reply) -> Findings:
    """A schema together with tools is taken or refused, but crashes nothing.

    The SDKs send a request that failed with 500 again.
    """
    _asked_for(reply, "json_schema")
    only_if("tools" in reply.request, "there are no tools")
    yield from crash(reply, "response_format", "tools", "tool_choice", "parallel_tool_calls")


@check(
    MUST,
    spec="CreateChatCompletionResponse.choices.finish_reason",
    broken_by=[
        all_of(
            edit("request.max_tokens", 9),
            change(CONTENT, lambda text: text[:-1], "the text without its last character"),
            edit("choices[0].finish_reason", "stop"),
        ).on("chat.json_object")
    ],
)
def length_detectable(reply: ChatReply) -> Findings:
    """JSON that the token limit cut finishes with length.

    The client can't tell it from an answer that is simply wrong.
    """
    kind = an_object(sent(reply, "response_format")).get("type")
    only_if(kind in ("json_object", "json_schema"), "JSON was not asked for")
    only_if(limit_reached(reply), "the limit was not reached")
    only_if(not reply.request.get("stop"), "a stop sequence may have cut the text")
    for answer in reply.answers:
        whole = jsontext.parse(answer.text).value is not MISSING
        if answer.finish_reason == "stop" and answer.text and not whole and not answer.calls:
            yield Finding(f"{answer.at}.finish_reason", want="length", got="stop")
