"""Targets: a provider, one of its models, how to reach it and what it claims to be able to do.

One provider is one TOML file; the file's name is the provider's. Those shipped are in
``conformance/providers``; a user's own, in a folder of theirs, are read the same way and win.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.model import Headers, Outcome, Request
from conformance.scrub import Scrubber

ENDPOINTS: Final = frozenset({"chat", "completions", "embeddings", "models", "responses"})
CAPABILITIES: Final = frozenset(
    {
        *("stream", "tools", "parallel_tools", "vision", "json_object", "json_schema"),
        *("logprobs", "n", "reasoning"),
    }
)
LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""What the token limit of a chat completion goes by."""
CREDENTIALS: Final = ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key")
"""Headers that hold secrets."""
VARIABLE: Final = re.compile(r"[A-Z_][A-Z0-9_]*")
"""The name of an environment variable, in capitals: a key hardly looks so."""
SHIPPED: Final = Path(__file__).parent / "providers"
ROOM: Final = 128
"""Tokens an answer may have where a probe says nothing else: enough to count to twenty."""
THINKING: Final = 2048
"""Tokens a model that reasons may spend on top of that."""
TIMEOUT: Final = 60.0
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_PLAIN_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,78}[a-z0-9_-])?")
_DEVICE: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
"""What is no name of a file on Windows, whatever comes behind the dot."""
_MEMBERS: Final = (
    "title base_url key key_header software note headers source limits claims models known"
)


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
        """What a probe may need: the capabilities, and whether there is a key at all."""
        return self.capabilities | {"key"} if self.key else self.capabilities

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
        extra = THINKING if "reasoning" in self.capabilities else 0
        return {self.limit: tokens + extra}

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
        extra = THINKING if "reasoning" in self.capabilities else 0
        settled = {"max_output_tokens": ROOM + extra} | more
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
        limits = {"max_tokens", "max_completion_tokens"}
        settled: dict[str, Any] = {} if limits & more.keys() else {**self.room()}
        if "reasoning" not in self.capabilities:
            settled["temperature"] = 0
        return settled | more


class _Omit:
    """The one value that leaves a parameter out."""


OMIT: Final = _Omit()


def to_json(value: Any) -> bytes:
    """Compact UTF-8 JSON, always the same for the same value; a lone surrogate stays an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def _is_secret(name: str, value: object) -> bool:
    """Whether a header is one for secrets, or its value looks like a key."""
    return name.lower() in CREDENTIALS or Scrubber().text(str(value)) != str(value)


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


def load(folders: Iterable[Path] = ()) -> dict[str, list[Target]]:
    """Every target by provider: those shipped, then those of ``folders``, which win.

    Raises BadProvider.
    """
    found: dict[str, list[Target]] = {}
    for folder in (SHIPPED, *folders):
        for path in sorted(folder.glob("*.toml")):
            found[path.stem] = read(path)
    return found


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


def read(path: Path) -> list[Target]:
    """The targets of one provider's file, in the order they stand in. Raises BadProvider."""
    try:
        text = path.read_text("utf-8")
        table = tomllib.loads(text)
    except OSError as error:
        raise BadProvider(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadProvider(f"{path}:{line}: save it as UTF-8: {error.reason}") from error
    except (ValueError, RecursionError) as error:
        reason, _, place = str(error).partition(" (at line ")
        line = int(place.partition(",")[0]) if place else text.count("\n") + 1
        raise BadProvider(f"{path}:{line}: this is not TOML: {reason}") from error
    return list(_File(path, text).targets(table))


@dataclass(frozen=True, slots=True)
class _File:
    """Reads one file's tables, and says where a mistake is: behind ``start``, if it is there."""

    path: Path
    text: str
    start: int = 0

    def targets(self, table: dict[str, Any]) -> Iterator[Target]:
        self.only(table, _MEMBERS)
        models = self.table(table, "models")
        if not models:
            raise self.bad("models", 'name at least one model: [models."its-name"]')
        self.source(self.table(table, "source"))
        shared = self.target(table, models)
        claims, here = self.table(table, "claims"), self.under("claims")
        here.only(claims, "endpoints capabilities parameters")
        here.claims(shared, claims)
        for name in models:
            here = self.under(rf"models\s*\.\s*([\"']?){re.escape(name)}\1")
            model = here.table(models, name)
            here.only(model, "context endpoints capabilities parameters limit reasoning note")
            limit = here.text_of(model, "limit") or shared.limit
            if limit not in LIMITS:
                raise here.bad("limit", f"choose from {', '.join(LIMITS)}")
            here.number(model, "context")
            yield replace(here.claims(shared, claims | model), model=name, limit=limit)

    def target(self, table: dict[str, Any], models: Iterable[str]) -> Target:
        """What all models have in common."""
        limits, here = self.table(table, "limits"), self.under("limits")
        here.only(limits, "concurrency rpm timeout")
        headers = self.table(table, "headers")
        secret = [n for n, value in headers.items() if _is_secret(n, value)]
        if secret:
            raise self.under("headers").bad(
                secret[0], "secrets go into the variable that key names"
            )
        return Target(
            provider=self.path.stem,
            model="",
            base_url=self.base_url(table),
            key=self.variable(table),
            key_header=(self.text_of(table, "key_header") or "authorization").lower(),
            headers=Headers((n, self.under("headers").text_of(headers, n) or "") for n in headers),
            software=self.text_of(table, "software"),
            concurrency=here.number(limits, "concurrency") or 8,
            rpm=here.number(limits, "rpm"),
            timeout=float(here.number(limits, "timeout") or TIMEOUT),
            known=tuple(self.known(table.get("known", []), list(models))),
        )

    def claims(self, target: Target, own: dict[str, Any]) -> Target:
        """``target`` with what is said of it."""
        if own.get("reasoning") not in (None, True, False):
            raise self.bad("reasoning", "make it true or false")
        more = {"reasoning"} if own.get("reasoning") else set()
        return replace(
            target,
            endpoints=self.names(own, "endpoints", ENDPOINTS),
            capabilities=self.names(own, "capabilities", CAPABILITIES) | more,
            parameters=frozenset(self.strings(own, "parameters")),
        )

    def variable(self, table: dict[str, Any]) -> str | None:
        """The name of the variable with the key; what is none may be a key, and is not shown."""
        name = self.text_of(table, "key")
        if name and not VARIABLE.fullmatch(name):
            raise self.bad("key", "give the name of an environment variable, never the key itself")
        return name

    def base_url(self, table: dict[str, Any]) -> str:
        try:
            return a_base_url(self.text_of(table, "base_url") or "")
        except BadProvider:
            fix = 'give one like base_url = "https://api.example.com/v1"'
            raise self.bad("base_url", fix) from None

    def source(self, table: dict[str, Any]) -> None:
        self.under("source").only(table, "url read verified")
        if not isinstance(table.get("url"), str) or not isinstance(table.get("read"), date):
            fix = 'say where the claims are from: url = "https://…" and read = 2026-01-31'
            raise self.bad("source", fix)

    def known(self, entries: Any, models: Sequence[str]) -> Iterator[Known]:
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise self.bad("known", "make each one a table: [[known]]")
        for number, given in enumerate(entries):
            here = self.under(r"\[\s*known\s*\]", number)
            here.only(given, "check models outcome reason since")
            entry = {"models": ["*"], "outcome": "fail", "since": ""} | given
            for name in ("check", "reason"):
                if not here.text_of(entry, name):
                    raise here.bad(name, f"a known failure needs {name} = …")
            if entry["outcome"] not in list(Outcome):
                raise here.bad("outcome", f"choose from {', '.join(Outcome)}")
            if entry["since"] and not isinstance(entry["since"], date):
                raise here.bad("since", "make it a date: since = 2026-01-31")
            patterns = here.strings(entry, "models")
            yield Known(
                check=entry["check"],
                reason=entry["reason"],
                models=tuple(patterns),
                outcome=entry["outcome"],
                since=str(entry["since"]),
                where=here.place(here.start),
                strangers=tuple(p for p in patterns if not any(fnmatchcase(m, p) for m in models)),
            )

    def table(self, owner: dict[str, Any], name: str) -> dict[str, Any]:
        value = owner.get(name, {})
        if not isinstance(value, dict):
            raise self.bad(name, f"make it a table: [{name}]")
        return value

    def text_of(self, owner: dict[str, Any], name: str) -> str | None:
        value = owner.get(name)
        if value is not None and not isinstance(value, str):
            raise self.bad(name, "make it a string")
        return value or None

    def number(self, owner: dict[str, Any], name: str) -> int | None:
        value = owner.get(name)
        if value is not None and (type(value) is not int or value < 1):
            raise self.bad(name, "make it a whole number from 1")
        return value

    def strings(self, owner: dict[str, Any], name: str) -> list[str]:
        values = owner.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.bad(name, "make it a list of strings")
        return values

    def names(self, owner: dict[str, Any], name: str, choices: frozenset[str]) -> frozenset[str]:
        if not choices.issuperset(self.strings(owner, name)):
            raise self.bad(name, f"choose from {', '.join(sorted(choices))}")
        return frozenset(owner.get(name, []))

    def only(self, table: dict[str, Any], names: str) -> None:
        for name in table:
            if name not in names.split():
                raise self.bad(name, f"unknown here; known are {', '.join(names.split())}")

    def under(self, header: str, number: int = 0) -> _File:
        """The same, for the table that has the header of this pattern and number."""
        found = list(re.finditer(rf"^[ \t]*\[\s*{header}\s*\]", self.text, re.MULTILINE))
        return replace(self, start=found[number].start() if number < len(found) else 0)

    def bad(self, name: str, fix: str) -> BadProvider:
        key = re.compile(rf"^[ \t]*\[*[\"']?{re.escape(name)}\b", re.MULTILINE)
        found = key.search(self.text, self.start)
        return BadProvider(f"{self.place(found.start() if found else self.start)}: {name}: {fix}")

    def place(self, offset: int) -> str:
        return f"{self.path}:{self.text.count(chr(10), 0, offset) + 1}"
