"""Headers of every reply: the length and encoding of its body, the id of its request."""

from __future__ import annotations

import gzip
import re
from typing import Final

from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import change, drop, edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Reply
from conformance.suites.http.body import is_packed

_ID: Final = re.compile(r".*(?:request|correlation|trace|call)-?id", re.IGNORECASE)
_EXACT: Final = (Evidence.HEADERS, Evidence.BODY, Evidence.FRAMING, Evidence.DONE, Evidence.TAIL)
_FIRST_ID: Final = "req_b4effac0bc994158969da5bd1e962511"
"""The request id of the reference exchange ``chat.basic``."""


@check(
    MUST,
    spec="RFC 9110 section 8.6",
    needs=_EXACT,
    broken_by=[edit("headers.content-length", 10).on("chat.basic")],
)
def content_length_matches(reply: Reply) -> Findings:
    """Content-Length is the length of the body.

    Clients cut the body there, or wait for bytes that never come.
    """
    declared = reply.response.headers.get("content-length")
    coded = {"transfer-encoding", "content-encoding"} & {
        n.lower() for n, _ in reply.response.headers
    }
    only_if(declared is not None and not coded, "the length is told in another way")
    only_if(reply.method != "HEAD", "there is no body")
    inconclusive_if(reply.exchange.failure, "the connection failed")
    length = len(reply.response.body)
    if declared != str(length):
        yield Finding("headers.content-length", want=str(length), got=declared)


@check(
    MUST,
    spec="RFC 9110 section 8.4",
    needs=[Evidence.HEADERS, Evidence.BODY],
    broken_by=[
        change("body", lambda body: gzip.compress(body, mtime=0), "gzip data").on("chat.basic")
    ],
)
def encoding_declared(reply: Reply) -> Findings:
    """A compressed body is declared in Content-Encoding.

    Clients take the compressed bytes for the answer.
    """
    only_if("content-encoding" not in reply.response.headers, "an encoding is declared")
    if is_packed(reply):
        yield Finding("headers.content-encoding", want="gzip or zstd", got=MISSING)


@check(
    SHOULD,
    spec="OpenAI API reference: Debugging requests",
    needs=[Evidence.HEADERS],
    broken_by=[drop("headers.x-request-id"), edit("headers.x-request-id", "")],
)
def request_id_header(reply: Reply) -> Findings:
    """A response has a header with the request's id, x-request-id or one like it.

    It is what a provider's support asks for first.
    """
    if _request_id(reply) is None:
        yield Finding("headers.x-request-id", want="an id", got=MISSING)


def _request_id(reply: Reply) -> tuple[str, str] | None:
    headers = ((name.lower(), value.strip()) for name, value in reply.response.headers)
    return next(((name, value) for name, value in headers if value and _ID.fullmatch(name)), None)


@check(
    SHOULD,
    spec="OpenAI API reference: Debugging requests",
    over=_request_id,
    needs=[Evidence.FRESH],
    broken_by=[edit("headers.x-request-id", _FIRST_ID).on("chat.again")],
)
def request_id_unique(facts: list[Fact[tuple[str, str]]]) -> Findings:
    """Two responses never have the same request id.

    The provider's support would look at another request.
    """
    inconclusive_if(len(facts) < 2, "there was one request only")  # noqa: PLR2004  # two to compare
    seen: set[tuple[str, str]] = set()
    for fact in facts:
        name, value = fact.value
        if fact.value in seen:
            yield Finding(f"headers.{name}", want="a new id", got=value, exchange=fact.exchange)
        seen.add(fact.value)
