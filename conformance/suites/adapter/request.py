"""Requests: what is sent on besides the messages, and what is not."""

from __future__ import annotations

from typing import Final

from conformance import dialects
from conformance.model import MISSING, Finding, Findings
from conformance.mutate import drop, edit
from conformance.registry import MUST, SHOULD, check, only_if
from conformance.replies import ChatReply, Json, Reply, a_text, an_object, is_int, objects
from conformance.suites.adapter._both_sides import (
    JSON_FORMATS,
    RICH,
    asked,
    format_of,
    joined,
    last,
)

LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""The two names of one parameter."""
ALIKE: Final = (
    frozenset(LIMITS),
    frozenset({"functions", "tools", "response_format"}),
    frozenset({"function_call", "tool_choice", "response_format"}),
    frozenset({"tools", "web_search_options"}),
)
"""Members that may stand for each other."""
NEEDED: Final = frozenset({"model", "messages"})
FORMATS: Final = {
    "json_object": frozenset({"cohere", "gemini", "ollama", "openai"}),
    "json_schema": RICH,
}
"""The dialects in which an answer can be bound to a format, if only by a tool."""


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.max_completion_tokens",
    broken_by=[
        edit("upstream[0].request.max_tokens", 4)
        .on("adapter.length")
        .also("adapter.param_forwarded"),
        drop("upstream[0].request.max_tokens").on("adapter.length").also("adapter.param_forwarded"),
    ],
)
def param_rename(reply: ChatReply) -> Findings:
    """max_tokens and max_completion_tokens may be renamed into each other; the value is kept.

    A limit that is lost is paid for, one that is changed cuts the answer off elsewhere.
    """
    given = [(name, reply.request[name]) for name in LIMITS if is_int(reply.request.get(name))]
    only_if(len(given) == 1, "there was no limit, or two")
    only_if(_speaks_openai(reply), "the other side speaks another API")
    sent = asked(reply)
    name, limit = given[0]
    got = [sent[other] for other in LIMITS if sent.get(other) is not None]
    if got != [limit] * len(got) or not got:
        yield Finding(f"request.{name}", want=limit, got=got[0] if got else MISSING)


def _speaks_openai(reply: Reply) -> bool:
    dialect = dialects.of(last(reply).request)
    return dialect is not None and dialect.name == "openai"


@check(
    SHOULD,
    spec="CreateChatCompletionRequest",
    broken_by=[
        edit("upstream[0].request.user", "adapter").on("adapter.talk"),
        edit("upstream[0].request.service_tier", "auto")
        .on("adapter.stream")
        .also("adapter.stream_asks_the_same"),
    ],
)
def param_no_injection(reply: Reply) -> Findings:
    """What nobody asked for is not sent on: no option, no default of the adapter's own.

    Strict providers refuse it, and others store, bill or answer otherwise than was asked.
    """
    only_if(_speaks_openai(reply), "the other side speaks another API")
    sent = asked(reply)
    given = reply.request.keys() | an_object(reply.request.get("extra_body")).keys()
    for name, value in sent.items():
        alike = {other for names in ALIKE if name in names for other in names}
        # No stream, and null, are what is meant by saying nothing.
        says_nothing = value is None or (name == "stream" and value is False)
        if not (name in NEEDED or name in given or alike & given or says_nothing):
            yield Finding(f"upstream.request.{name}", want=MISSING, got=value)


@check(
    MUST,
    spec="CreateChatCompletionRequest.response_format",
    broken_by=[
        drop("upstream[0].request.response_format").on("adapter.schema"),
        drop("upstream[0].request.tools").on("adapter.schema_by_tool"),
    ],
)
def response_format_preserved(reply: Reply) -> Findings:
    """The format of the answer is asked for on the other side too, in whatever words it has.

    A schema, JSON mode, a tool that stands for it, or an instruction: without any of them the
    answer is JSON by luck only.
    """
    wanted, dialect = format_of(reply), dialects.of(last(reply).request)
    only_if(wanted in JSON_FORMATS, "no format was asked for")
    only_if(dialect and dialect.name in FORMATS[wanted], "the other side has no word for it")
    only_if(not reply.exchange.dropping, "the adapter was told to drop what is not taken")
    sent = asked(reply)
    bound = a_text(an_object(sent.get("response_format")).get("type")) in JSON_FORMATS
    if not (bound or _tools(sent) - _tools(reply.request) or _is_told(reply, sent)):
        yield Finding("request.response_format", want="asked for as well", got="lost on the way")


def _tools(request: Json) -> set[str]:
    return {
        a_text(an_object(tool.get("function")).get("name")) for _, tool in objects(request, "tools")
    }


def _is_told(reply: Reply, sent: Json) -> bool:
    """Whether the messages speak of JSON more than those of the client did."""
    before, after = joined(reply.request).lower(), joined(sent).lower()
    return after.count("json") > before.count("json")
