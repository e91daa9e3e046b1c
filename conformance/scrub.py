"""Keeps keys out of everything that is written or printed.

Two ways at once: the literal credentials of the request at hand wherever they turn up (a genuine
401 echoes part of its key), and the shapes that well-known keys have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote, unquote_plus, urlsplit

from conformance.model import Finding, Request, Verdict
from conformance.spelling import hide, is_key

MASK: Final = "[key]"
SHAPES: Final = re.compile(
    r"""(?x)
    \b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}       # OpenAI, Anthropic, OpenRouter, DeepSeek, Stripe
    | \b(?:gsk|xai|hf|nvapi|r8|pplx|fw|csk|tgp_v1|llx|dapi)[-_][A-Za-z0-9_-]{16,}
    | \b(?:ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{16,}
    | \bAIza[0-9A-Za-z_-]{30,}              # Google
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b         # AWS
    | \beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}  # a JSON Web Token
    | (?i:bearer)\s+[A-Za-z0-9._~+/-]{16,}=*
    """
)
_CREDENTIALS: Final = re.compile(
    r"(?:.*[-_])?(?:auth|authorization|cookie|key|password|secret|token)", re.IGNORECASE
)
"""The headers that hold secrets; a provider's file may name any for its key."""
_QUERIED: Final = {"key", "api_key", "api-key", "apikey", "access_token", "token", "sig"}
_VALUE: Final = 2**11
"""Characters of a finding's value that are kept; a tenth of it is shown."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Replaces known and likely keys by ``[key]``."""

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, *requests: Request) -> Scrubber:
        """One that knows the credentials in the headers and the URLs of some requests."""
        return cls(tuple(dict.fromkeys(s for one in requests for s in _credentials(one))))

    def text(self, text: str) -> str:
        """``text`` without keys."""
        if self.secrets:
            read = text.encode("utf-8", "surrogatepass")
            hidden = hide(read, self.secrets, lambda _: MASK.encode())
            text = text if hidden is read else hidden.decode("utf-8", "surrogatepass")
        return SHAPES.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """A value without keys, its shape kept; bytes become the text that is shown of them."""
        if isinstance(value, bytes):
            value = value[:_VALUE].decode("utf-8", "replace")
        if isinstance(value, str):
            return self.text(value[:_VALUE])
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)[:_VALUE]): self.value(item) for key, item in value.items()}
        return value

    def verdict(self, verdict: Verdict) -> Verdict:
        """A verdict whose findings and reason hold no keys."""
        findings = tuple(self._finding(finding) for finding in verdict.findings)
        reason = None if verdict.reason is None else self.text(verdict.reason)
        return replace(verdict, findings=findings, reason=reason)

    def _finding(self, finding: Finding) -> Finding:
        want, got = self.value(finding.want), self.value(finding.got)
        return replace(finding, at=self.text(finding.at), want=want, got=got)


def _credentials(request: Request) -> Iterator[str]:
    """What a request proves with who asks."""
    for name, value in request.headers:
        if _CREDENTIALS.fullmatch(name):
            secret = value if "cookie" in name.lower() else value.rpartition(" ")[2]
            yield from (secret,) if is_key(secret) else ()
    if "?" in request.url or "@" in request.url:
        yield from filter(is_key, _in_url(request.url))


def _in_url(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return
    for name, _, value in (field.partition("=") for field in parts.query.split("&")):
        if unquote(name).lower() in _QUERIED:
            yield from (value, unquote_plus(value))
    yield password or ""
