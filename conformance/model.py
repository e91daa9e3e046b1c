"""The values everything else passes around; this module imports nothing of ours.

Probes produce :class:`Exchange` values, checks turn them into :class:`Finding` values, the engine
turns those into :class:`Verdict` values, and reports compare verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final


class Level(StrEnum):
    """How sure we are that a violation is wrong for a client (the words of RFC 2119)."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class Outcome(StrEnum):
    """What was observed; whether it was expected is another question."""

    PASS = "pass"  # noqa: S105  # an outcome, not a password
    FAIL = "fail"
    LENIENT = "lenient"
    IGNORED = "ignored"
    REJECTED = "rejected"
    REJECTED_BADLY = "rejected_badly"
    UNSUPPORTED = "unsupported"
    NOT_APPLICABLE = "not_applicable"
    INCONCLUSIVE = "inconclusive"
    FLAKY = "flaky"
    ERROR = "error"
    STALE = "stale"


class Disposition(StrEnum):
    """What became of one parameter of a request."""

    FORWARDED = "forwarded"
    """Sent on by its own name, with its value."""
    RENAMED = "renamed"
    """Sent on with its value, by another name or in another place."""
    TRANSLATED = "translated"
    """Sent on in another form, which means the same as far as can be told."""
    CHANGED = "changed"
    """Sent on with another value."""
    SENT_BY_DEFAULT = "sent_by_default"
    """Sent on, as it would have been had nobody asked for it."""
    HONOURED = "honoured"
    """Accepted, and its effect was seen."""
    ACCEPTED_UNVERIFIED = "accepted_unverified"
    """Accepted; whether it has an effect was not seen."""
    IGNORED = "ignored"
    """Accepted, and shown to have no effect."""
    REJECTED = "rejected"
    """Refused by an error that a client can read."""
    REJECTED_BADLY = "rejected_badly"
    """Refused by a server error, or by one that no client can read."""
    DROPPED = "dropped"
    """Left out by an adapter that was told to drop what the provider does not take."""
    RAISED = "raised"
    """Refused by an adapter."""
    LOST = "lost"
    """Left out by an adapter that was told nothing of the kind."""
    DEAD = "dead"
    """Nothing can be told, because even a request without parameters is refused."""
    UNKNOWN = "unknown"
    """Nothing can be told of this parameter; the evidence says why."""


class Source(StrEnum):
    """Who made an exchange, and so how much it proves."""

    LIVE = "live"
    LOCAL = "local"
    RECORDING = "recording"
    DOCUMENTED = "documented"
    REFERENCE = "reference"


class Evidence(StrEnum):
    """What a recorder may have lost. A check that needs it is not applicable without it."""

    HEADERS = "headers"
    """All response headers as they were sent."""
    BODY = "body"
    """The exact bytes of a JSON body, not a re-serialised value."""
    FRAMING = "framing"
    """The exact bytes of an event stream."""
    DONE = "done"
    """Everything after the last data event, the ``[DONE]`` sentinel included."""
    TAIL = "tail"
    """The very last bytes of a stream: the blank line that ends its last event."""
    TIMING = "timing"
    """When each chunk arrived."""
    FRESH = "fresh"
    """The answer was made for this one request, so ids and times are its own."""


class _Missing:
    """The one value that says a member is absent, which is not the same as null."""

    def __repr__(self) -> str:
        return "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()


class NotApplicable(Exception):  # noqa: N818  # an answer, not an error
    """Raised by a check whose precondition an exchange does not meet; the message says which."""


class Inconclusive(Exception):  # noqa: N818  # an answer, not an error
    """Raised by a check that ran but cannot tell; the message says why."""


class Headers:
    """HTTP header fields in order, looked up without regard to case (RFC 9110 section 5.1)."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs: tuple[tuple[str, str], ...] = tuple(pairs)

    def get(self, name: str) -> str | None:
        """The first value of ``name``, or None."""
        wanted = name.lower()
        return next((value for key, value in self.pairs if key.lower() == wanted), None)

    def replaced(self, name: str, value: str | None) -> Headers:
        """A copy in which ``name`` has this one value, or is gone when ``value`` is None."""
        kept = [(k, v) for k, v in self.pairs if k.lower() != name.lower()]
        return Headers(kept if value is None else [*kept, (name, value)])

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __hash__(self) -> int:
        return hash(self.pairs)

    def __repr__(self) -> str:
        return f"Headers({list(self.pairs)!r})"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. ``url`` may be absolute or start at the path; ``body`` is as sent."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that arrived together; ``at`` is seconds since the request was sent, or None."""

    data: bytes
    at: float | None = None


@dataclass(frozen=True)
class Response:
    """One HTTP response: the body, decoded from any content encoding, as the chunks it came in."""

    status: int
    headers: Headers = field(default_factory=Headers)
    chunks: tuple[Chunk, ...] = ()

    @cached_property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(chunk.data for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended an exchange before its answer was complete; ``at`` as in :class:`Chunk`."""

    kind: str
    message: str
    at: float | None = None


STRANGER: Final = "stranger"
"""The provider of what an adapter sent to hosts that it had no reason to reach."""
RAISED: Final = "raised"
"""The kind of the failure that is an exception of an adapter's: its response stands for it."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an exchange comes from and what its recorder did not keep."""

    source: Source
    origin: str = ""
    """The file, and the line or entry in it, that it was read from."""
    recorded_at: str | None = None
    software: str | None = None
    lacks: frozenset[Evidence] = frozenset()
    doubt: str | None = None
    """Why it may have been edited or damaged: it is counted and not judged."""


@dataclass(frozen=True)
class Exchange:
    """One request and what came back, wherever it was seen.

    ``session`` names the recording or run it belongs to: exchanges are only ever compared within
    one session. ``upstream`` is set behind an adapter: what it sent on, and what it got; so is
    ``dropping``: whether it was told to drop what the provider does not take. ``model`` and
    ``probe`` are set where a probe asked: the model it meant, whatever the request says, and its
    id; ``retried``, where it asked the same again because of this answer.
    """

    id: str
    provider: str
    request: Request
    response: Response | None
    provenance: Provenance
    failure: Failure | None = None
    session: str = ""
    upstream: tuple[Exchange, ...] = ()
    dropping: bool | None = None
    model: str | None = None
    probe: str | None = None
    retried: bool = False

    @property
    def behind_adapter(self) -> bool:
        """Whether the far side was watched, even if nothing reached it."""
        return bool(self.upstream) or self.dropping is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """One violated place.

    ``at`` is a JSON path into the body (``choices[0].index``), into a stream's events
    (``events[3].id``), into the request (``request.n``) or names a part of HTTP (``status``,
    ``headers.content-type``, ``body``). ``want`` is a phrase, or the value itself when it isn't a
    string; ``got`` is the value found, or :data:`MISSING`. ``exchange`` names the exchange where a
    finding about a set of them was made.
    """

    at: str
    want: Any
    got: Any
    exchange: str | None = None


Findings = Iterator[Finding]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's outcome for one target, on one exchange or over ``repeat`` = (k of n)."""

    provider: str
    model: str
    check: str
    level: Level
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str | None = None
    exchange: str | None = None
    provenance: Provenance | None = None
    repeat: tuple[int, int] = (1, 1)
    probe: str | None = None
    known: str | None = None
    blame: str | None = None
    """Behind an adapter, whose fault it is: ``adapter``, ``provider`` or ``both``."""
    capabilities: tuple[tuple[str, int], ...] = ()
    """What it is about, and how many of its exchanges were about each."""

    @property
    def target(self) -> str:
        """``provider/model``."""
        return f"{self.provider}/{self.model}"


SHOWN: Final = 200
"""How many characters of a value a report shows."""


def show(value: Any, limit: int = SHOWN) -> str:
    """``value`` as JSON on one line, cut to ``limit`` characters: safe for values of any size."""
    if value is MISSING:
        return "missing"
    if isinstance(value, bytes):
        value = value[: limit * 4].decode("utf-8", "replace")
    try:
        text = json.dumps(_clipped(value, limit), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = _plain(value, limit)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _plain(value: Any, limit: int) -> str:
    try:
        return repr(value)[: limit + 1]
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to print"


def _clipped(value: Any, limit: int, depth: int = 6) -> Any:
    """A copy of ``value`` that cannot be much longer than ``limit`` when it is printed."""
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit + 1]
    if depth == 0 and isinstance(value, dict | list):
        return "…"
    if isinstance(value, dict):
        items = list(value.items())[: limit // 2]
        return {_clipped(k, limit): _clipped(v, limit, depth - 1) for k, v in items}
    if isinstance(value, list | tuple):
        return [_clipped(item, limit, depth - 1) for item in value[: limit // 2]]
    return value
