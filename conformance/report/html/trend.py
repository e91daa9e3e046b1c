"""A row's history as a few marks: how many MUST rules were broken in run after run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from conformance.compare.history import Point
from conformance.report.html.ages import date

POINTS: Final = 10
"""Runs that are drawn, the newest."""
HEIGHT: Final = 14
LOW: Final = 2
STEP: Final = 5
"""From one mark to the next; each is a unit narrower."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One run: a bar as high as much is broken, low where nothing is."""

    x: int
    y: int
    height: int
    css: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Marks, oldest first, and the same in words."""

    marks: Sequence[Mark]
    words: str
    width: int


def trend(history: Sequence[Point]) -> Trend:
    """The newest runs of a target; nothing where there is one only."""
    points = history[-POINTS:] if len(history) > 1 else []
    most = max((_broken(point) for point in points), default=0)
    marks = [_mark(number * STEP, point, most) for number, point in enumerate(points)]
    words = ", ".join(f"{date(p.started)[:10]} {p.must.held}/{p.must.told}" for p in points)
    return Trend(marks, f"MUST held: {words}" if words else "", len(marks) * STEP)


def _mark(x: int, point: Point, most: int) -> Mark:
    broken = _broken(point)
    height = LOW + round((HEIGHT - LOW) * broken / most) if broken else LOW
    css = "b" if broken else "h" if point.must.told else "u"
    return Mark(x, HEIGHT - height, height, css)


def _broken(point: Point) -> int:
    return point.must.told - point.must.held
