"""HTTP and JSON as such, whatever the endpoint: declarations, bytes, credentials, methods."""

from __future__ import annotations

import gzip
import re
from typing import Final

from conformance import jsontext
from conformance.model import MISSING, Evidence, Finding, Findings
from conformance.mutate import all_of, change, drop, edit, raw
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Endpoint, ErrorReply, Reply, Stream

_JSON: Final = re.compile(r"application/(?:json|[\w.+-]+\+json)")
_ID: Final = re.compile(r".*(?:request|correlation|trace)-?id", re.IGNORECASE)
_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_PACKED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How gzip (RFC 1952 section 2.3.1) and zstd (RFC 8878 section 3.1.1) begin; brotli has no mark."""
_EXACT: Final = (Evidence.HEADERS, Evidence.BODY, Evidence.FRAMING, Evidence.DONE, Evidence.TAIL)
_STREAMED: Final = (Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES)
_POSTED: Final = (Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS)
_CRASHED: Final = 500


def _whole(reply: Reply) -> None:
    """End as not applicable unless this is a reply in one piece that had to be JSON."""
    only_if(reply.method in ("GET", "POST"), "another method")
    asked = reply.asked_to_stream and reply.endpoint in _STREAMED
    only_if(not isinstance(reply, Stream), "the reply is a stream")
    if isinstance(reply, ErrorReply):
        only_if(reply.response.body and _is_json(reply), "the error is not declared as JSON")
    else:
        only_if(200 <= reply.status < 300, "the request did not succeed")  # noqa: PLR2004  # RFC 9110 section 15.3
        only_if(not asked, "a stream was asked for: stream.json_body_forbidden says so")
    inconclusive_if(reply.exchange.failure, "the connection failed")


def _is_json(reply: Reply) -> bool:
    return _JSON.fullmatch(reply.media_type or "") is not None


def _is_packed(reply: Reply) -> bool:
    return reply.response.body.startswith(_PACKED)


def _is_page(reply: Reply) -> bool:
    return reply.response.body[:200].removeprefix(_BOM).lstrip(_SPACE).startswith(b"<")


@check(
    MUST,
    spec="RFC 9110 section 8.3",
    broken_by=[edit("headers.content-type", "text/plain"), drop("headers.content-type")],
)
def content_type_json(reply: Reply) -> Findings:
    """A successful answer in JSON is declared as JSON.

    openai-node 6.49 hands out text for any other type, and the caller's code throws TypeError.
    """
    only_if(not isinstance(reply, ErrorReply), "errors.content_type is about errors")
    _whole(reply)
    only_if(not reply.document.error, "the body is not JSON")
    if not _is_json(reply):
        got = reply.media_type or MISSING
        yield Finding("headers.content-type", want="application/json", got=got)


@check(
    MUST,
    spec="RFC 8259 section 2",
    broken_by=[change("body", lambda body: body[:-10], "the last 10 bytes removed")],
)
def body_valid_json(reply: Reply) -> Findings:
    """The body is one JSON text, from its first byte to its last.

    openai-python 3.52 raises JSONDecodeError, openai-node 6.49 throws SyntaxError.
    """
    _whole(reply)
    only_if(not _is_packed(reply) and not _is_page(reply), "it is something else altogether")
    read = reply.document
    only_if(read.invalid_utf8_at is None, "http.body_utf8 says so")
    # What is merely too deep or too large for our reader is JSON all the same.
    if read.error and not read.error.startswith(("The text is nested", "An integer")):
        yield Finding("body", want="JSON", got=reply.response.body[:1000] or read.error)


@check(
    MUST,
    spec="RFC 8259 section 8.1",
    needs=[Evidence.BODY],
    broken_by=[raw("Zoë".encode(), "Zoë".encode("latin-1")).on("chat.unicode")],
)
def body_utf8(reply: Reply) -> Findings:
    """JSON is encoded in UTF-8.

    Clients decode it so, and fail or show other characters.
    """
    _whole(reply)
    only_if(not _is_packed(reply), "the body is packed")
    at = reply.document.invalid_utf8_at
    if at is not None:
        yield Finding(
            "body", want=f"UTF-8 at byte {at}", got=reply.response.body[at : at + 20].hex()
        )


@check(
    MUST,
    spec="RFC 8259 section 8.1",
    needs=[Evidence.BODY],
    broken_by=[change("body", lambda body: _BOM + body, "a byte order mark")],
)
def body_no_bom(reply: Reply) -> Findings:
    """JSON does not start with a byte order mark.

    A JSON parser may refuse it, and many do.
    """
    _whole(reply)
    if reply.response.body.startswith(_BOM):
        yield Finding("body", want="no byte order mark", got="EF BB BF")


def _documents(reply: Reply) -> list[tuple[str, jsontext.Document]]:
    """The JSON of a reply: its body, or the data of each event. Raises NotApplicable."""
    if isinstance(reply, Stream):
        return reply.documents
    _whole(reply)
    return [("body", reply.document)]


@check(
    MUST,
    spec="RFC 8259 section 6",
    needs=[Evidence.BODY],
    broken_by=[
        edit("choices[0].logprobs.content[0].logprob", float("-inf"))
        .on("chat.logprobs")
        .also("chat.logprobs_value_range")
    ],
)
def body_no_nan(reply: Reply) -> Findings:
    """Numbers are finite: NaN and Infinity are no JSON.

    Python reads them, every browser and most other languages refuse the whole text.
    """
    for at, read in _documents(reply):
        names = [literal for literal in read.constants if not literal[-1:].isdigit()]
        if names:
            yield Finding(at, want="a finite number or null", got=", ".join(names))


@check(
    SHOULD,
    spec="RFC 8259 section 4",
    needs=[Evidence.BODY],
    broken_by=[
        raw(b'"role":"assistant"', b'"role":"assistant","role":"assistant"').on("chat.basic")
    ],
)
def body_no_duplicate_keys(reply: Reply) -> Findings:
    """An object has no two members of the same name.

    Which of the two counts differs from parser to parser.
    """
    for at, read in _documents(reply):
        if read.duplicates:
            yield Finding(at, want="each name once", got=", ".join(read.duplicates))


@check(
    MUST,
    spec="RFC 9110 section 8.3",
    broken_by=[
        all_of(
            edit("headers.content-type", "text/html"),
            edit("body", "<!DOCTYPE html><html><body>Welcome</body></html>"),
        ).on("chat.basic")
    ],
)
def body_not_html(reply: Reply) -> Findings:
    """A successful answer of the API is not a page in HTML.

    With a wrong base URL openai-python 3.52 returns the page as a string, and the caller's code
    raises AttributeError.
    """
    only_if(not isinstance(reply, ErrorReply), "errors.no_html is about errors")
    _whole(reply)
    accepted = reply.request_headers.get("accept") or ""
    only_if("text/html" not in accepted.lower(), "a browser asked")
    if _is_page(reply):
        yield Finding("body", want="JSON", got=reply.response.body[:200])


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
    if _is_packed(reply):
        yield Finding("headers.content-encoding", want="gzip or zstd", got=MISSING)


@check(
    SHOULD,
    spec="OpenAI API reference: Debugging requests",
    needs=[Evidence.HEADERS],
    broken_by=[drop("headers.x-request-id")],
)
def request_id_header(reply: Reply) -> Findings:
    """A response has a header with the request's id, x-request-id or one like it.

    It is what a provider's support asks for first.
    """
    if not any(_ID.fullmatch(name) for name, _ in reply.response.headers):
        yield Finding("headers.x-request-id", want="an id", got=MISSING)


def _request_id(reply: Reply) -> tuple[str, str] | None:
    found = ((name.lower(), value) for name, value in reply.response.headers if _ID.fullmatch(name))
    return next(found, None)


@check(
    SHOULD,
    spec="OpenAI API reference: Debugging requests",
    over=_request_id,
    needs=[Evidence.FRESH],
    broken_by=[edit("headers.x-request-id", "req_1").on("chat.again")],
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
