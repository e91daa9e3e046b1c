"""Which models there are, and what is said of each."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from conformance.model import Request
from conformance.probe import Steps, probe
from conformance.probes._examples import NO_MODEL, WRONG_KEY
from conformance.replies import ModelList, a_text
from conformance.targets import Target

LONGEST: Final = 200
"""Characters of an id that are taken for a model's name."""


def _retrieve(target: Target, name: str) -> Request:
    return target.get(f"/models/{quote(name, safe='', errors='replace')}")


@probe("models")
def list(target: Target) -> Steps:  # noqa: A001  # named after what is asked, and used nowhere
    """The list of models, and then one of them whose id holds a slash, which routers lose."""
    reply = yield target.get("/models")
    items = reply.items if isinstance(reply, ModelList) else []
    listed = [a_text(one.get("id")) for _, one in items]
    slashed = [name for name in listed if "/" in name and len(name) <= LONGEST]
    # Else models.retrieve asks for one.
    if slashed and "/" not in target.model:
        yield _retrieve(target, slashed[0])


@probe("models")
def retrieve(target: Target) -> Steps:
    """The model itself, which clients look up before they use it."""
    yield _retrieve(target, target.model)


@probe("models")
def unknown(target: Target) -> Steps:
    """A model that does not exist, for clients take any success for a yes."""
    yield _retrieve(target, NO_MODEL)


@probe("models", needs=("key",))
def wrong_key(target: Target) -> Steps:
    """The list with a wrong key, since it is how clients find out whether a key is right."""
    yield target.get("/models", authorization=WRONG_KEY)
