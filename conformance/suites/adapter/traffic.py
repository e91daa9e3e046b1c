"""Traffic: how often an adapter asks, whom, and whether it asks for the same thing each time."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.jsontext import parse
from conformance.model import STRANGER, Exchange, Finding, Findings, Headers, Request
from conformance.mutate import Mutant, edit
from conformance.registry import MUST, SHOULD, Fact, check, only_if
from conformance.replies import ChatReply, Reply, an_object, is_int
from conformance.suites._twins import DELIVERY, Twin, digest, digest_of, twin
from conformance.suites.adapter._both_sides import FAILED, asked, meaning, order, sent_on

UNIQUE: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32,}|\d{10,}",
    re.IGNORECASE,
)
"""Ids and times that are made for each request."""


def _twice(exchange: Exchange) -> Exchange:
    return replace(exchange, upstream=exchange.upstream * 2)


def _elsewhere(exchange: Exchange) -> Exchange:
    request = Request("POST", "https://telemetry.test/events", Headers(), b"{}")
    other = replace(exchange.upstream[0], provider=STRANGER, request=request)
    return replace(exchange, upstream=(*exchange.upstream, other))


@check(
    SHOULD,
    spec="RFC 9110 section 9.2.2",
    broken_by=[Mutant("asked twice", _twice).on("adapter.chat")],
)
def one_upstream_call(reply: Reply) -> Findings:
    """One request is one call of the model: what was answered well is not asked again.

    Each call is paid for, and counts towards the limits of the account.
    """
    calls = [one for one in sent_on(reply) if order(one.request)]
    only_if(calls, "no model was asked, or in an API that is not known here")
    answered = [i for i, one in enumerate(calls) if _is_answered(one)]
    # An API without n is asked as often as there are to be answers.
    n = reply.request.get("n")
    allowed = max(n, 1) if is_int(n) else 1
    if len(answered) > allowed or (answered and answered[0] < len(calls) - allowed):
        yield Finding("upstream", want=f"calls of the model: {allowed}", got=len(calls))


def _is_answered(exchange: Exchange) -> bool:
    response = exchange.response
    if response is None or response.status >= FAILED or exchange.failure:
        return False
    found = meaning(exchange)
    return found is None or (found.error is None and found.complete)


@check(
    SHOULD,
    spec="RFC 9110 section 17",
    broken_by=[Mutant("somebody else was told", _elsewhere).on("adapter.chat")],
)
def known_hosts(reply: Reply) -> Findings:
    """A request leads to the provider it is meant for, and to no other host.

    Whoever runs the adapter knows of no other, and may have closed the way there; at best it takes
    time, and at worst it tells a stranger what was asked.
    """
    upstream = reply.exchange.upstream
    only_if(upstream, "nothing was sent on")
    body = reply.exchange.request.body.decode("utf-8", "replace")
    for i, one in enumerate(upstream):
        host = _host(one.request.url)
        # A picture that the client gave the address of may be fetched.
        named = f"//{host}" in body or f"//{host}".replace("/", r"\/") in body
        if one.provider == STRANGER and not (host and named):
            yield Finding(f"upstream[{i}].request.url", want="the provider's host", got=host)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class _Sent:
    """What became of a request: where it went, and digests of all that was sent."""

    request: str
    url: str
    members: Mapping[str, str]


def _first_sent(reply: Reply) -> _Sent:
    known = sent_on(reply)
    # A look at a model's card comes first, and is not taken twice.
    sent = next((one.request for one in known if order(one.request)), known[0].request)
    body = an_object(parse(sent.body).value) or {"body": sent.body.decode("utf-8", "replace")}
    members = {name: _short(value) for name, value in body.items() if value is not None}
    return _Sent(digest(reply), UNIQUE.sub("*", sent.url.partition("?")[0]), members)


def _short(value: Any) -> str:
    return digest_of(UNIQUE.sub("*", json.dumps(value)))[:16]


@check(
    MUST,
    spec="RFC 9110 section 3.3",
    over=_first_sent,
    broken_by=[
        edit("upstream[0].request.tool_choice", "auto")
        .on("adapter.again")
        .also("adapter.param_no_injection", "adapter.stream_asks_the_same")
    ],
)
def no_leak(facts: list[Fact[_Sent]]) -> Findings:
    """The same request is sent on in the same way, whatever was asked before it.

    What one user asked for must not turn up in the request of another.
    """
    known: dict[str, _Sent] = {}
    for fact in facts:
        before = known.setdefault(fact.value.request, fact.value)
        if fact.value.url != before.url:
            yield Finding("upstream.request.url", before.url, fact.value.url, fact.exchange)
        if changed := _differing(before.members, fact.value.members):
            want = "the same as before in every member"
            yield Finding("upstream.request", want, ", ".join(changed), fact.exchange)


def _differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def _asked_for(reply: ChatReply) -> Twin[Mapping[str, str]]:
    sent = asked(reply)
    # To OpenAI null is as good as absent, and so it is to what tells twins.
    given = {name: value for name, value in sent.items() if value is not None}
    kept = {name: value for name, value in given.items() if name not in (*DELIVERY, "model")}
    return twin(reply, {name: _short(value) for name, value in kept.items()})


@check(
    SHOULD,
    spec="CreateChatCompletionRequest.stream",
    over=_asked_for,
    broken_by=[
        edit("upstream[0].request.temperature", 0.5)
        .on("adapter.stream")
        .also("adapter.param_no_injection")
    ],
)
def stream_asks_the_same(facts: list[Fact[Twin[Mapping[str, str]]]]) -> Findings:
    """A stream is asked for with all that the answer in one piece is asked for with.

    An option that gets lost in streams only is lost where nobody looks for it.
    """
    whole = {one.value.request: one.value.value for one in facts if not one.value.streamed}
    for fact in facts:
        twin_, members = fact.value, whole.get(fact.value.request)
        if twin_.streamed and members is not None and (changed := _differing(members, twin_.value)):
            want = "the same as in one piece in every member"
            yield Finding("upstream.request", want, ", ".join(changed), fact.exchange)
