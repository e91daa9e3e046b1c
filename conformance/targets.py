"""Targets: a provider, one of its models, how to reach it and what it claims to be able to do."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.model import Headers, Request

ENDPOINTS: Final = frozenset({"chat", "completions", "embeddings", "models", "responses"})
CAPABILITIES: Final = frozenset(
    {
        *("stream", "tools", "parallel_tools", "vision", "json_object", "json_schema"),
        *("logprobs", "n", "reasoning"),
    }
)
CIRCUMSTANCES: Final = ("key", "adapter", "wire")
"""What a probe may need besides: a key, an adapter whose far side is seen, bytes on a wire."""
LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""What the token limit of a chat completion goes by."""
VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
"""The name of an environment variable, in capitals: a key hardly looks so."""
ROOM: Final = 128
"""Tokens an answer may have where a probe says nothing else: enough to count to twenty."""
THINKING: Final = 2048
"""Tokens a model that reasons may spend on top of that."""
TIMEOUT: Final = 60.0
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PLAIN_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,78}[a-z0-9_-])?")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
"""What is no name of a file on Windows, whatever comes behind the dot."""


class BadProvider(Exception):  # noqa: N818  # the file is at fault
    """A provider's file cannot be used; the message names file, line and the way to mend it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A failure that is expected of some models, and why."""

    check: str
    reason: str
    models: tuple[str, ...] = ("*",)
    outcome: str = "fail"
    since: str = ""
    until: str = ""
    """The last day on which it excuses anything, as an ISO date; empty for ever."""
    where: str = ""
    """File and line it stands in."""
    strangers: tuple[str, ...] = ()
    """Those of ``models`` that match no model of its file."""


@dataclass(frozen=True, slots=True)
class Target:
    """One model of one provider. ``key`` names the environment variable that holds its key."""

    provider: str
    model: str
    base_url: str
    key: str | None = None
    key_header: str = "authorization"
    headers: Headers = field(default_factory=Headers)
    endpoints: frozenset[str] = ENDPOINTS
    capabilities: frozenset[str] = CAPABILITIES
    parameters: frozenset[str] = frozenset()
    limit: str = "max_tokens"
    claimed: bool = True
    """Whether somebody said what it can do; else everything is tried."""
    software: str | None = None
    concurrency: int = 8
    rpm: int | None = None
    timeout: float = TIMEOUT
    known: tuple[Known, ...] = ()
    at: str | None = None
    """Where it is asked, if that is not its base URL: recordings bear the base URL."""
    adapter: str | None = None
    """The adapter it is reached through, if it is."""
    dropping: bool = False
    """Whether that adapter is told to drop what the provider does not take."""
    title: str = ""
    """What the provider calls itself."""
    wire: bool = True
    """Whether it takes HTTP requests of any form; a function takes members of a JSON object."""

    @property
    def name(self) -> str:
        """``provider/model``."""
        return f"{self.provider}/{self.model}"

    @property
    def slug(self) -> str:
        """The model as the name of a folder, also where upper and lower case are the same."""
        if _PLAIN_NAME.fullmatch(self.model) and not _DEVICE.fullmatch(self.model):
            return self.model
        plain = re.sub(r"[^a-z0-9.-]+", "_", self.model.lower()).strip("._-")
        if not plain or _DEVICE.fullmatch(plain):
            plain = "model"
        digest = hashlib.sha256(self.model.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{plain[:80]}~{digest[:8]}"  # no plain name has a tilde

    @property
    def abilities(self) -> frozenset[str]:
        """What a probe may need: the capabilities, and what is in :data:`CIRCUMSTANCES`."""
        more = {name for name in CIRCUMSTANCES if getattr(self, name)}
        return self.capabilities | more

    @property
    def reached(self) -> Target:
        """The same target with the address it is really asked at as its base URL."""
        return replace(self, base_url=self.at, at=None) if self.at else self

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return urlsplit(self.at or self.base_url).hostname in LOOPBACK

    def room(self, tokens: int = ROOM) -> dict[str, int]:
        """The parameter that limits an answer, with headroom for a model that reasons."""
        return {self.limit: tokens + self._thinking}

    def chat(self, prompt: Any = None, /, **more: Any) -> Request:
        """A chat completion request: one user message, or ``messages``.

        Unless told otherwise it has a token limit and temperature 0, which models that reason do
        not take. A parameter given as :data:`OMIT` is left out.
        """
        body: dict[str, Any] = {"model": self.model}
        if "messages" not in more:
            body["messages"] = [{"role": "user", "content": prompt}]
        return self.post("/chat/completions", body | self._settled(more))

    def completion(self, prompt: Any, /, **more: Any) -> Request:
        """A legacy completion request, with limit and temperature as in :meth:`chat`."""
        settled = {"temperature": 0, "max_tokens": ROOM} | more
        return self.post("/completions", {"model": self.model, "prompt": prompt} | settled)

    def embedding(self, text: Any, /, **more: Any) -> Request:
        """An embeddings request."""
        return self.post("/embeddings", {"model": self.model, "input": text} | more)

    def response(self, text: Any, /, **more: Any) -> Request:
        """A responses request, with a limit."""
        settled = {"max_output_tokens": ROOM + self._thinking} | more
        return self.post("/responses", {"model": self.model, "input": text} | settled)

    def post(self, path: str, body: Any, **headers: str) -> Request:
        """A POST of JSON, or of bytes as they are. ``path`` starts after the base URL.

        A header given as an empty string is not sent, not even where it would be by default: the
        way to ask without a key.
        """
        if isinstance(body, dict):
            body = {key: value for key, value in body.items() if value is not OMIT}
        sent = body if isinstance(body, bytes) else to_json(body)
        return Request("POST", path, _headers(headers), sent)

    def get(self, path: str, **headers: str) -> Request:
        """A GET; ``path`` starts after the base URL."""
        return Request("GET", path, _headers(headers))

    def _settled(self, more: dict[str, Any]) -> dict[str, Any]:
        settled: dict[str, Any] = {} if more.keys() & LIMITS else {**self.room()}
        if not self._thinking:
            settled["temperature"] = 0
        return settled | more

    @property
    def _thinking(self) -> int:
        return THINKING if "reasoning" in self.capabilities else 0


class _Omit:
    """The one value that leaves a parameter out."""


OMIT: Final = _Omit()


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON, always the same for the same value; a lone surrogate stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _headers(given: Mapping[str, str]) -> Headers:
    return Headers((name.replace("_", "-"), value) for name, value in given.items())


def endpoint(base_url: str, model: str, key: str | None) -> Target:
    """A target that needs no file; the host stands in for the provider. Everything is tried.

    Raises BadProvider for a URL that is none.
    """
    host = urlsplit(a_base_url(base_url)).netloc.lower()
    if key and not VARIABLE.fullmatch(key):
        raise BadProvider("give the name of the variable that holds the key, never the key itself")
    capabilities = CAPABILITIES - {"reasoning"}
    return Target(host, model, base_url, key, capabilities=capabilities, claimed=False)


def a_base_url(text: str) -> str:
    """``text``, to which paths can be added. Raises BadProvider for what is no such URL."""
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise BadProvider("a base URL holds no password; name a variable with it as the key")
    try:
        url = urlsplit(text)
        fits = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        fits = False
    if not fits or "?" in text or "#" in text:
        raise BadProvider(f"{text[:200]!r} is no base URL; give one like https://host/v1")
    return text


def select(targets: Mapping[str, Sequence[Target]], patterns: Sequence[str]) -> list[Target]:
    """Those that match a provider, ``provider/model`` or a glob of it; all without patterns.

    Raises LookupError naming the pattern that matches none.
    """
    everything = [target for members in targets.values() for target in members]
    for pattern in patterns:
        if not any(_matches(target, pattern) for target in everything):
            raise LookupError(pattern)
    if not patterns:
        return everything
    return [t for t in everything if any(_matches(t, pattern) for pattern in patterns)]


def _matches(target: Target, pattern: str) -> bool:
    return pattern in (target.provider, target.name) or fnmatchcase(target.name, pattern)
