"""What of an exchange may reach a disk: no key, nothing that names an account.

Headers pass by a list of the names that checks and readers look at. Keys are replaced where they
are known literally (the credentials of the request, what the caller adds) and where they look like
one. In a response the mask is as long as what it hides, so that lengths and chunks stay true.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

from conformance.model import Chunk, Exchange, Headers, Request, Response
from conformance.scrub import MASK, SHAPES, Scrubber
from conformance.spelling import hide
from conformance.traffic.source import open_source

_SENT: Final = re.compile(r"accept(-encoding)?|content-[a-z]+|anthropic-version|openai-beta")
_CREDENTIALS: Final = ("x-api-key", "api-key", "x-goog-api-key")
_RECEIVED: Final = re.compile(
    r"""(?x)
    content-[a-z]+ | transfer-encoding | connection | date | age | server | via | vary | allow
    | location | cache-control | expires | www-authenticate | x-accel-buffering | x-powered-by
    | retry-after.* | x-should-retry | (?:[a-z]+-)*ratelimit-.*
    | openai-(?:version|processing-ms|model)
    """
)
_NAMES: Final = re.compile(r".*(?:request|correlation|trace|call)-?id")
"""The headers whose value names one request; the provider can tell from it who asked."""
_PSEUDONYM: Final = re.compile(r"id-[0-9a-f]{24}")
_MASKS: Final = re.compile(rb"\[key\**\]")
_ACCOUNTS: Final = re.compile(r"\b(?:org-[A-Za-z0-9]{20,}|proj_[A-Za-z0-9]{16,})")
_ACCOUNT_HEADERS: Final = re.compile(r"(?i)\b(?:set-cookie|openai-(?:organization|project))\"?:")


def mask(length: int) -> str:
    """The mask for a key of this length, itself as long."""
    return f"{MASK[:-1]}{'*' * (length - len(MASK))}{MASK[-1]}"


@dataclass(frozen=True, slots=True)
class Masks:
    """Hides ``secrets``, the credentials of each request, and whatever looks like a key."""

    secrets: tuple[str, ...] = ()

    def request(self, request: Request) -> Request:
        """The request as it is stored; whatever its key, it comes out the same."""
        hide = self._of(request)
        headers = ((name.lower(), value) for name, value in request.headers)
        return Request(
            request.method,
            hide.text(request.url),
            Headers((n, hide.text(v)) for n, v in map(_sent, headers) if v),
            hide.briefly(request.body),
        )

    def exchange(self, exchange: Exchange) -> Exchange:
        """The exchange as it is stored."""
        hide = self._of(exchange.request)
        response, failure = exchange.response, exchange.failure
        if response is not None:
            kept = Headers((n, hide.text(v)) for n, v in response.headers if _is_received(n))
            named = Headers((n, _pseudonym(v) if _is_id(n) else v) for n, v in kept)
            response = rewritten(replace(response, headers=named), hide.at_length)
        if failure is not None:
            failure = replace(failure, message=hide.text(failure.message))
        request = self.request(exchange.request)
        return replace(exchange, request=request, response=response, failure=failure)

    def hiding(self, request: Request) -> Callable[[str], str]:
        """What masks keys in a text that is about this request; of ASCII, the length stays."""
        hide = self._of(request)

        def hidden(text: str) -> str:
            body = text.encode("utf-8", "surrogatepass")
            return hide.at_length(body).decode("utf-8", "surrogatepass")

        return hidden

    def _of(self, request: Request) -> _Hider:
        return _Hider((*self.secrets, *Scrubber.of(request).secrets))


def restored(response: Response, request: Request) -> Response:
    """The response with the credentials of ``request`` where a mask of their length stands.

    So a server that repeats the key it was given is seen to do so in a replay as well.
    """
    secrets = Scrubber.of(request).secrets
    forms = dict.fromkeys(
        form for secret in secrets for form in (secret, quote(secret, "", errors="surrogatepass"))
    )

    def put_back(body: bytes) -> bytes:
        for form in forms:
            encoded = form.encode("utf-8", "surrogatepass")
            body = body.replace(mask(len(encoded)).encode(), encoded)
        return body

    return rewritten(response, put_back)


def rewritten(response: Response, change: Callable[[bytes], bytes]) -> Response:
    """The response with its body changed, in chunks as before; ``change`` keeps the length."""
    body, chunks, start = change(response.body), [], 0
    if body == response.body:
        return response
    for chunk in response.chunks:
        chunks.append(Chunk(body[start : start + len(chunk.data)], chunk.at))
        start += len(chunk.data)
    return replace(response, chunks=tuple(chunks))


def scan(path: Path) -> list[str]:
    """Name every place in a file that looks like a key or names an account.

    Raises OSError, and HopelessError for damaged gzip data.
    """
    return list(_suspects(path))


def _suspects(path: Path) -> Iterator[str]:
    with open_source(path) as file:
        for number, line in enumerate(file, 1):
            text = line.decode("utf-8", "replace")
            for pattern in (SHAPES, _ACCOUNTS, _ACCOUNT_HEADERS):
                for found in pattern.finditer(text):
                    # All of it would only spread it further.
                    yield f"{path}:{number}: {found[0][:10]}… ({len(found[0])} characters)"


@dataclass(frozen=True, slots=True)
class _Hider:
    """Hides ``secrets`` however they are written, and the shapes of keys."""

    secrets: tuple[str, ...]

    def text(self, text: str) -> str:
        """``text`` with every key as ``[key]``; half a surrogate pair becomes an escape."""
        encoded = text.encode("utf-8", "backslashreplace")
        return self.briefly(encoded).decode("utf-8", "backslashreplace")

    def briefly(self, body: bytes) -> bytes:
        # What a replayed answer holds a longer mask in, a probe may send on.
        return _MASKS.sub(MASK.encode(), self.at_length(body))

    def at_length(self, body: bytes) -> bytes:
        body = hide(body, self.secrets, lambda length: mask(length).encode())
        text = body.decode("utf-8", "surrogateescape")
        for shape in (SHAPES, _ACCOUNTS):
            text = shape.sub(lambda found: mask(len(found[0].encode())), text)
        return text.encode("utf-8", "surrogateescape")


def _sent(field: tuple[str, str]) -> tuple[str, str]:
    """A request header as it may be stored; with an empty value it may not."""
    name, value = field
    if name == "authorization":
        scheme = value.partition(" ")[0]
        return name, f"{scheme} {MASK}" if scheme.lower() == "bearer" else MASK
    if name in _CREDENTIALS:
        return name, MASK
    return name, value if _SENT.fullmatch(name) else ""


def _is_received(name: str) -> bool:
    return _RECEIVED.fullmatch(name.lower()) is not None or _is_id(name)


def _is_id(name: str) -> bool:
    return _NAMES.fullmatch(name.lower()) is not None


def _pseudonym(value: str) -> str:
    """Another name for ``value``, always the same; none for no value, or for such a name."""
    if not value.strip() or _PSEUDONYM.fullmatch(value):
        return value
    return f"id-{hashlib.sha256(value.encode('utf-8', 'backslashreplace')).hexdigest()[:24]}"
