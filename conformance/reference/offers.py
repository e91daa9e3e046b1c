"""The models of the reference server, what each is good for, and ``/v1/models``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from conformance.reference.errors import SHOWN, ApiError, invalid, no_model, wrong_type
from conformance.reference.wire import BASE_TIME


@dataclass(frozen=True, slots=True)
class Offer:
    """One model: all of them chat, some also look at images, others complete and embed."""

    id: str
    sees: bool = False
    completes: bool = True
    embeds: bool = True


MODELS: Final = {
    offer.id: offer
    for offer in (
        Offer("reference-1"),
        Offer("reference-vision", sees=True, completes=False, embeds=False),
        Offer("org/reference-small"),
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


def listing() -> dict[str, Any]:
    """The answer to ``GET /v1/models``."""
    return {"object": "list", "data": [_describe(one) for one in MODELS.values()]}


def retrieve(name: str) -> dict[str, Any]:
    """The answer to ``GET /v1/models/{name}``, the name being decoded."""
    if name not in MODELS:
        message = f"The model '{name[:SHOWN]}' does not exist"
        raise ApiError(404, message, "model", "model_not_found")
    return _describe(MODELS[name])


def _describe(one: Offer) -> dict[str, Any]:
    return {"id": one.id, "object": "model", "created": BASE_TIME, "owned_by": "reference"}
