"""How old something is, against the newest run of the page: so the same runs make the same page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from conformance.report.inert import short

MONTHS: Final = 60
"""From so many days on, months are counted."""
YEARS: Final = 730


def moment(text: str) -> datetime | None:
    """An ISO text's moment; None for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def days(then: str, now: str) -> int | None:
    """Whole days between two ISO texts, never below none; None where one is no date."""
    first, last = moment(then), moment(now)
    return max(0, (last - first).days) if first and last else None


def age(then: str, now: str) -> str:
    """How long ago that was, in words."""
    passed = days(then, now)
    if passed is None:
        return "undated"
    if passed == 0:
        return "same day"
    if passed < MONTHS:
        return f"{passed} day{'s' * (passed > 1)} ago"
    return f"{passed // 30} months ago" if passed < YEARS else f"{passed // 365} years ago"


def date(text: str) -> str:
    """An ISO text for reading, to the minute; whatever else it is, as it is."""
    return short(text[:16].replace("T", " ") if moment(text) else text, 40)
