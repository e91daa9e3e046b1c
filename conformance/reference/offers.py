"""The models of the reference server, what each is good for, and ``/v1/models``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from conformance.reference.errors import SHOWN, ApiError, invalid, no_model, wrong_type
from conformance.reference.wire import BASE_TIME


@dataclass(frozen=True, slots=True)
class Offer:
    """One model: all of them chat, some also look at images, others complete and embed.

    An ``open`` one answers those without a key too.
    """

    id: str
    sees: bool = False
    completes: bool = True
    embeds: bool = True
    open: bool = False


MODELS: Final = {
    offer.id: offer
    for offer in (
        Offer("reference-1"),
        Offer("reference-vision", sees=True, completes=False, embeds=False),
        Offer("org/reference-small"),
        Offer("reference", sees=True, open=True),
    )
}


def offer(body: dict[str, Any]) -> Offer:
    """The model that a request names. Raises ApiError."""
    name = body.get("model")
    if name is None:
        raise invalid("you must provide a model parameter", "model")
    if not isinstance(name, str):
        raise wrong_type("model", "a string", name)
    if name not in MODELS:
        raise no_model(name)
    return MODELS[name]


def needs_key(name: object) -> bool:
    """Whether this is a model that only those with a key may use."""
    return isinstance(name, str) and name in MODELS and not MODELS[name].open


def listing(*, open_only: bool = False) -> dict[str, Any]:
    """The answer to ``GET /v1/models``: the models, or those of them that need no key."""
    shown = [one for one in MODELS.values() if one.open or not open_only]
    return {"object": "list", "data": [_describe(one) for one in shown]}


def retrieve(name: str) -> dict[str, Any]:
    """The answer to ``GET /v1/models/{name}``, the name being decoded."""
    if name not in MODELS:
        message = f"The model '{name[:SHOWN]}' does not exist"
        raise ApiError(404, message, "model", "model_not_found")
    return _describe(MODELS[name])


def _describe(one: Offer) -> dict[str, Any]:
    return {"id": one.id, "object": "model", "created": BASE_TIME, "owned_by": "reference"}
