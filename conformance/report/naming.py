"""What a target is called on a page, short and inert."""

from __future__ import annotations

from typing import Final

from conformance.replies.base import NO_MODEL
from conformance.report.inert import name

NAMELESS: Final = "(no model)"


def target_name(target: str) -> str:
    """``provider/model``; a reply may be about no model, such as a list of them."""
    provider, _, model = target.partition("/")
    return f"{name(provider)}/{NAMELESS}" if model == NO_MODEL else name(target)


def model_name(model: str) -> str:
    """The model alone."""
    return NAMELESS if model == NO_MODEL else name(model)
