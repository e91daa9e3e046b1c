"""The shapes of providers' genuine replies, learnt from recordings, to hold our own against them.

A shape is learnt of every place in a JSON value; the items of an array share one place, and so do
objects of the same ``type``. It knows what members an object always has and which it ever had, and
what types of JSON values there were.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conformance.model import Exchange
from conformance.traffic.jsonl import exchange
from conformance.traffic.limits import Place

NAMES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


@dataclass
class Shape:
    """What was seen at one place."""

    types: set[str] = field(default_factory=set)
    always: set[str] | None = None
    """The members that every object had; None before the first."""
    ever: set[str] = field(default_factory=set)
    most: int = 0
    """How many members an object had at most."""

    def add(self, value: Any) -> None:
        self.types.add(_type(value))
        if isinstance(value, dict):
            self.always = set(value) if self.always is None else self.always & set(value)
            self.ever |= set(value)
            self.most = max(self.most, len(value))

    def differences(self, at: str, value: Any) -> Iterator[str]:
        kind = _type(value)
        if kind not in self.types and not (kind == "integer" and "number" in self.types):
            yield f"{at} is {kind}, not {' or '.join(sorted(self.types))}"
        elif isinstance(value, dict):
            missing = (self.always or set()) - set(value)
            yield from (f"{at} has no {name}" for name in sorted(missing))
            yield from (f"{at} has a {name}" for name in sorted(set(value) - self.ever))
            if self.most == 1 < len(self.ever) and len(value) > 1:
                yield f"{at} has {len(value)} members instead of one of a union's"


@dataclass
class Shapes:
    """The shape of every place. ``opaque`` names members whose values are anybody's: arguments."""

    opaque: frozenset[str] = frozenset()
    places: dict[str, Shape] = field(default_factory=dict)

    def learn(self, value: Any) -> None:
        for at, inner in _places(value, self.opaque):
            self.places.setdefault(at, Shape()).add(inner)


def learnt(values: Iterable[Any], opaque: Collection[str] = ()) -> Shapes:
    """The shapes of many genuine values."""
    shapes = Shapes(frozenset(opaque))
    for value in values:
        shapes.learn(value)
    return shapes


def differences(learned: Shapes, ours: Any) -> list[str]:
    """Where ``ours`` lacks a member that was always there, or has what was never seen."""
    found: dict[str, None] = {}
    variants = {at.rpartition("<")[0] for at in learned.places if at.endswith(">")}
    for at, value in _places(ours, learned.opaque):
        shape = learned.places.get(at)
        if shape:
            found |= dict.fromkeys(shape.differences(at, value))
        elif (at.rpartition("<")[0] if at.endswith(">") else at) in variants:
            found[f"{at} was never seen, but others there"] = None
    return list(found)


def genuine(
    corpus: Path, endpoint: str, status: int | None = None
) -> Iterator[tuple[dict[str, Any], Exchange]]:
    """The recordings of an endpoint that nobody seems to have edited: the line, and what it is."""
    for path in sorted((corpus / "recordings").glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                line = json.loads(text)
                if line["endpoint"] != endpoint or line.get("suspect"):
                    continue
                if status in (None, line["status"]):
                    yield line, exchange(line, Place(str(path), number))


def _places(value: Any, opaque: frozenset[str], at: str = "$") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        kind = value.get("type")
        at += f"<{kind}>" if isinstance(kind, str) else ""
        yield at, value
        for name, member in value.items():
            if name not in opaque:
                yield from _places(member, opaque, f"{at}.{name}")
        return
    yield at, value
    if isinstance(value, list):
        for item in value:
            yield from _places(item, opaque, f"{at}[]")


def _type(value: Any) -> str:
    return "null" if value is None else NAMES[type(value)]
