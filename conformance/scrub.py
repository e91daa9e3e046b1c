"""Keeps keys out of everything that is written or printed.

Two ways at once: the literal credentials of the request at hand wherever they turn up (a genuine
401 echoes part of its key), and the shapes that well-known keys have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import quote

from conformance.model import Finding, Request, Verdict

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
_CREDENTIALS: Final = ("authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie")
_SHORTEST: Final = 6
"""Shorter header values are placeholders, and would mask ordinary words."""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Replaces known and likely keys by ``[key]``."""

    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request) -> Scrubber:
        """One that knows the credentials in a request's headers."""
        found: list[str] = []
        for name in _CREDENTIALS:
            value = request.headers.get(name) or ""
            secret = value.rpartition(" ")[2] if name == "authorization" else value
            if len(secret) >= _SHORTEST:
                found += [secret, quote(secret, safe="")]
        return cls(tuple(dict.fromkeys(found)))

    def text(self, text: str) -> str:
        """``text`` without keys."""
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return SHAPES.sub(MASK, text)

    def value(self, value: Any) -> Any:
        """A JSON value without keys, its shape kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return value

    def verdict(self, verdict: Verdict) -> Verdict:
        """A verdict whose findings and reason hold no keys."""
        findings = tuple(self._finding(finding) for finding in verdict.findings)
        reason = None if verdict.reason is None else self.text(verdict.reason)
        return replace(verdict, findings=findings, reason=reason)

    def _finding(self, finding: Finding) -> Finding:
        want, got = self.value(finding.want), self.value(finding.got)
        return replace(finding, at=self.text(finding.at), want=want, got=got)
