"""Refusals that are about one model, and say nothing about the server."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import Findings
from conformance.registry import only_if
from conformance.replies import ErrorReply, Reply
from conformance.suites import _refusals

_ONE_MODEL: Final = re.compile(
    r"\AModel incompatible request argument|\AUnrecognized request argument"
    r"|\A\d+ validation errors? for Request\b"
)
"""What OpenAI's search models, its older ones, and its first vision model say of a parameter."""


def differs_by_model(reply: ErrorReply) -> bool:
    """Whether an error says that this one model lacks what the API has, by code or in words."""
    said = _refusals.message_of(reply)
    return _refusals.lacking(reply) or _ONE_MODEL.search(said) is not None


def acceptance(reply: Reply, name: str) -> Findings:
    """A finding where a valid parameter was refused for itself, by more than one model."""
    if isinstance(reply, ErrorReply):
        only_if(not differs_by_model(reply), "this model does not take it")
    yield from _refusals.acceptance(reply, name)
