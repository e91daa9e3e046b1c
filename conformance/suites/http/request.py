"""How a request is sent: its method, its credentials, how its body is declared."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from conformance.model import Evidence, Finding, Findings
from conformance.mutate import all_of, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Endpoint, Reply
from conformance.suites._twins import digest

_POSTED: Final = (Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS)
_CRASHED: Final = 500
_UNAUTHORISED: Final = 401
_REFUSED: Final = (400, 415, 422)
_MASKED: Final = re.compile(
    r"redact|mask|filter|your|dummy|fake|test|mock|sample|example|secret|token|place|scrub"
    r"|api.?key|\*|x{3}|[<>\[\]]",
    re.IGNORECASE,
)
_SHORTEST: Final = 8
_REFUSAL: Final = (
    '{"error":{"message":"No.","type":"invalid_request_error","param":null,"code":null}}'
)


@check(
    SHOULD,
    spec="RFC 9110 section 15.5.6",
    broken_by=[
        edit("status", 500).on("errors.method"),
        all_of(edit("status", 200), edit("body", "{}")).on("errors.method"),
    ],
)
def method_post_only(reply: Reply) -> Findings:
    """GET on a route that takes POST only is answered with 405 or another 4xx.

    Crawlers and health checks would raise alarms, or take the route for something else.
    """
    only_if(reply.method == "GET" and reply.endpoint in _POSTED, "not GET on such a route")
    inconclusive_if(reply.status > _CRASHED or 300 <= reply.status < 400, "a gateway answered")  # noqa: PLR2004  # RFC 9110 section 15.4
    if reply.status == _CRASHED or reply.status < 300:  # noqa: PLR2004  # RFC 9110 section 15.3
        yield Finding("status", want=405, got=reply.status)


@check(
    SHOULD,
    spec="RFC 9110 section 15.4.2",
    broken_by=[edit("status", 301).on("chat.basic"), edit("status", 302).on("embeddings.float")],
)
def no_redirect_post(reply: Reply) -> Findings:
    """POST is not redirected with 301, 302 or 303.

    Clients repeat it as GET, without its body: the error they get has nothing to do with the cause.
    """
    only_if(reply.method == "POST", "not POST")
    if reply.status in (301, 302, 303):
        yield Finding("status", want="307 or 308, or none", got=reply.status)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request, what is special about how it was sent, and the status it got."""

    request: str
    special: bool
    status: int

    @property
    def accepted(self) -> bool:
        """Whether the request was answered."""
        return self.status < 300  # noqa: PLR2004  # RFC 9110 section 15.3


def _declared(reply: Reply) -> _Sent | None:
    declared = (reply.request_headers.get("content-type") or "").lower()
    if reply.method != "POST" or not declared.startswith("application/json"):
        return None
    return _Sent(digest(reply), "charset" in declared, reply.status)


@check(
    MUST,
    spec="RFC 9110 section 8.3.1",
    over=_declared,
    needs=[Evidence.FRESH],
    broken_by=[all_of(edit("status", 415), edit("body", _REFUSAL)).on("chat.charset")],
)
def charset_tolerated(facts: list[Fact[_Sent]]) -> Findings:
    """A request is accepted with "; charset=utf-8" behind its content type as without.

    Many HTTP libraries add it by themselves.
    """
    plain = {fact.value.request for fact in facts if fact.value.accepted and not fact.value.special}
    compared = [fact for fact in facts if fact.value.special and fact.value.request in plain]
    inconclusive_if(not compared, "no request was sent both with and without a charset")
    for fact in compared:
        if fact.value.status in _REFUSED:
            yield Finding("status", want=200, got=fact.value.status, exchange=fact.exchange)


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A digest of the key that was sent, in which way, and the status it got."""

    key: str
    scheme: str
    status: int


def _keyed(reply: Reply) -> _Keyed | None:
    scheme, _, key = (reply.request_headers.get("authorization") or "").partition(" ")
    for name in ("x-api-key", "api-key") if not key else ():
        scheme, key = name, reply.request_headers.get(name) or key
    # Recorders write the same mask over every key, right or wrong.
    if len(key) < _SHORTEST or _MASKED.search(key):
        return None
    digested = hashlib.sha256(key.strip().encode("utf-8", "surrogatepass")).hexdigest()
    return _Keyed(digested, scheme, reply.status)


def _answered(facts: list[Fact[_Keyed]], *schemes: str) -> set[str]:
    """The keys that were accepted in one of these ways."""
    keyed = [fact.value for fact in facts if fact.value.scheme in schemes]
    return {sent.key for sent in keyed if sent.status < 300}  # noqa: PLR2004  # RFC 9110 section 15.3


@check(
    MUST,
    spec="RFC 6750 section 2.1",
    over=_keyed,
    broken_by=[
        all_of(
            drop("request.headers.authorization"),
            edit("request.headers.x-api-key", "sk-wrong-0123456789abcdef"),
        ).on("chat.basic")
    ],
)
def auth_bearer(facts: list[Fact[_Keyed]]) -> Findings:
    """A valid key is accepted as Authorization: Bearer.

    It is the only way in which the official SDKs send one.
    """
    valid = _answered(facts, "Bearer", "bearer", "x-api-key", "api-key")
    sent = [fact for fact in facts if fact.value.scheme == "Bearer" and fact.value.key in valid]
    inconclusive_if(not sent, "no valid key was sent so")
    accepted = _answered(facts, "Bearer")
    for fact in sent:
        if fact.value.status == _UNAUTHORISED and fact.value.key not in accepted:
            yield Finding("status", want="not 401", got=fact.value.status, exchange=fact.exchange)


@check(
    SHOULD,
    spec="RFC 9110 section 11.1",
    over=_keyed,
    broken_by=[all_of(edit("status", 401), edit("body", _REFUSAL)).on("chat.bearer_lowercase")],
)
def auth_scheme_case(facts: list[Fact[_Keyed]]) -> Findings:
    """The scheme of a credential is read without regard to case: bearer is Bearer.

    Some HTTP libraries write it in lower case.
    """
    valid = _answered(facts, "Bearer")
    odd = [f for f in facts if f.value.scheme != "Bearer" and f.value.scheme.lower() == "bearer"]
    compared = [fact for fact in odd if fact.value.key in valid]
    inconclusive_if(not compared, "no valid key was sent in both ways")
    for fact in compared:
        if fact.value.status == _UNAUTHORISED:
            yield Finding("status", want="not 401", got=fact.value.status, exchange=fact.exchange)
