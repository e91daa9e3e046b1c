"""Whether tools are taken at all, and whether a server survives those it can't take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conformance.model import Finding, Findings, Outcome
from conformance.mutate import edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import ChatReply, Endpoint, ErrorReply, Refusal, Reply, a_text, an_object
from conformance.suites._refusals import (
    CRASHED,
    acceptance,
    bare,
    crashed,
    message_of,
    refusal,
    refused_for,
)
from conformance.suites.tools.request import MANY, NAME, functions

OK: Final = 200
_USUAL: Final = ("tools", "tool_choice", "parallel_tool_calls", "temperature")


@check(
    MUST,
    spec="CreateChatCompletionRequest.tools",
    breach=Outcome.REJECTED,
    broken_by=[refused_for("tools").on("chat.tools_auto")],
)
def accepted(reply: ChatReply | ErrorReply) -> Findings:
    """Tools may be offered.

    No agent works without. A model that calls none may refuse them if it says that it is the model.
    """
    offered = functions(reply)
    names = [a_text(function.get("name")) for _, function in offered]
    only_if(0 < len(names) < MANY, "no tools are offered, or many")
    plain = all(NAME.fullmatch(name) for name in names) and not any(
        f.get("strict") for _, f in offered
    )
    only_if(plain and len(offered) == len(reply.request["tools"]), "the tools are not plain ones")
    if isinstance(reply, Refusal):
        deeper = a_text(reply.error.get("param")) not in ("", "tools")
        unable = "support" in message_of(reply)
        others = not bare(reply, *_USUAL)
        inconclusive_if(deeper or unable or others, "the request failed for another reason")
    yield from acceptance(reply, "tools")


@check(
    SHOULD,
    spec="OpenAI guide: Function calling, strict mode",
    breach=Outcome.LENIENT,
    broken_by=[edit("request.tools[0].function.strict", value=True).on("chat.tools_none")],
)
def strict_bad_schema_400(reply: Reply) -> Findings:
    """A strict tool whose parameters do not rule out further members is refused with 400.

    A client made on such a server fails on OpenAI's.
    """
    strict = [
        an_object(f.get("parameters")) for _, f in functions(reply) if f.get("strict") is True
    ]
    plain = [one for one in strict if one.get("type") == "object" and "$ref" not in one]
    open_ones = [one for one in plain if one.get("additionalProperties") is not False]
    only_if(open_ones, "no strict parameters are open")
    yield from refusal(reply)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a request that is ordinary but for the tools in it."""

    tools: bool
    status: int


def _fate(reply: ChatReply | ErrorReply) -> Fate | None:
    ordinary = reply.endpoint is Endpoint.CHAT and bare(reply, *_USUAL)
    return Fate("tools" in reply.request, reply.status) if ordinary else None


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.tools",
    over=_fate,
    broken_by=[crashed().on("chat.tools_auto")],
)
def unsupported_clean(facts: list[Fact[Fate]]) -> Findings:
    """A server that answers plain requests does not crash where tools are offered.

    Models without tools say 400; the SDKs send a request that failed with 500 again.
    """
    offered = [fact for fact in facts if fact.value.tools]
    only_if(offered, "no tools were offered")
    plain = any(fact.value.status == OK for fact in facts if not fact.value.tools)
    inconclusive_if(not plain, "no plain request was answered")
    for fact in offered:
        if fact.value.status == CRASHED:
            yield Finding("status", want="not a server error", got=CRASHED, exchange=fact.exchange)
