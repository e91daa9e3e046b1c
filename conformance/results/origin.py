"""What a row of the matrix rests on: who made a target's replies, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from conformance.model import Provenance, Verdict
from conformance.targets import Target


@dataclass(slots=True)
class Answers:
    """How many probes of one capability were answered, of how many; why the first was not."""

    answered: int = 0
    asked: int = 0
    refusal: str = ""


@dataclass(slots=True)
class Origin:
    """One target's replies."""

    provider: str
    model: str
    made: Provenance | None = None
    """Where the oldest comes from: a row is as old as what it rests on."""
    oldest: str = ""
    newest: str = ""
    asked: dict[str, Answers] = field(default_factory=dict)
    """By capability, what became of the probes about it."""

    def add(self, made: Provenance) -> None:
        """Take one more."""
        at = made.recorded_at or ""
        if self.made is None or (at and at < (self.oldest or "9")):
            self.made = made
        self.oldest = min(filter(None, (self.oldest, at)), default="")
        self.newest = max(self.newest, at)


@dataclass(slots=True)
class Origins:
    """By the target's name; feed it every verdict."""

    _found: dict[str, Origin] = field(default_factory=dict)

    def add(self, verdict: Verdict) -> None:
        """Note where a verdict's exchange comes from."""
        self.made(verdict.provider, verdict.model, verdict.provenance)

    def made(self, provider: str, model: str, provenance: Provenance | None) -> None:
        """Note where a reply of a target's comes from."""
        origin = self._found.setdefault(f"{provider}/{model}", Origin(provider, model))
        if provenance:
            origin.add(provenance)

    def asked(self, target: Target, about: str, refusal: str | None) -> None:
        """Note that a probe about a capability was answered, or why it was refused."""
        origin = self._found.setdefault(target.name, Origin(target.provider, target.model))
        answers = origin.asked.setdefault(about, Answers())
        answers.asked += 1
        answers.answered += refusal is None
        answers.refusal = answers.refusal or refusal or ""

    def lines(self, targets: Iterable[Target] = ()) -> Iterator[dict[str, Any]]:
        """A line of the results for each target; those of which more is known are given."""
        known = {target.name: target for target in targets}
        for name, origin in self._found.items():
            yield line(name, origin, known.get(name))


def unknown(target: Target) -> dict[str, Any]:
    """The line of a target of which nothing came."""
    return line(target.name, Origin(target.provider, target.model), target)


def line(name: str, origin: Origin, target: Target | None) -> dict[str, Any]:
    """One target's line. ``claims`` is null where nobody says what it can do."""
    made = origin.made
    return {
        "type": "target",
        "target": name,
        "provider": origin.provider,
        "model": origin.model,
        "title": target.title if target else "",
        "source": made.source if made else "",
        "software": (made and (made.software or (target and target.software))) or "",
        "recorded": [origin.oldest, origin.newest],
        "base_url": target.reached.base_url if target else "",
        "key": (target and target.key) or "",
        "asked": {about: asdict(answers) for about, answers in origin.asked.items()},
        "claims": sorted(target.endpoints | target.capabilities)
        if target and target.claimed
        else None,
    }
