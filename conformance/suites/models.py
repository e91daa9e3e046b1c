"""GET /models and GET /models/{id}: which models there are."""

from __future__ import annotations

import re
from typing import Final

from conformance.model import Finding, Findings
from conformance.mutate import all_of, drop, edit, rename
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if, only_if
from conformance.replies import Endpoint, Model, ModelList, Reply, a_list, a_text, an_object
from conformance.suites._refusals import failed, message_of

NO_MODEL: Final = re.compile(
    r"not-a-model|does-?not-?exist|non-?existent|no-such-model", re.IGNORECASE
)
"""What a model is called that is asked for because there is none of this name."""
NO_KEY: Final = re.compile(r"invalid|wrong|bad-key|not-a-key", re.IGNORECASE)
"""What an API key holds that is sent because it is none."""
NOT_FOUND: Final = 404
NO_ROUTE: Final = {
    "message": "Not found.",
    "type": "invalid_request_error",
    "param": None,
    "code": None,
}


def _unsure(status: int) -> bool:
    """Whether a refusal is about the caller or the moment (RFC 9110 section 15, RFC 6585)."""
    return status in (401, 403, 408, 429) or (status >= 500 and status != 501)  # noqa: PLR2004  # RFC 9110


@check(MUST, spec="GET /models", broken_by=[failed(NOT_FOUND, NO_ROUTE)])
def list_status(reply: Reply) -> Findings:
    """GET /models answers 200.

    Clients list the models to find out whether the address and the key are right.
    """
    only_if(reply.endpoint is Endpoint.MODELS and reply.method == "GET", "not a list of models")
    inconclusive_if(_unsure(reply.status), f"the list was refused with {reply.status}")
    # A caller's own mistake, or a redirect: neither says that there is no list.
    unclear = reply.status in (400, 402, 421) or 300 <= reply.status < 400  # noqa: PLR2004  # RFC 9110
    inconclusive_if(unclear, f"the list was refused with {reply.status}")
    misled = reply.status == NOT_FOUND and "invalid url" in message_of(reply).lower()
    inconclusive_if(misled, "the address that was asked may be wrong")
    if reply.status != 200:  # noqa: PLR2004  # RFC 9110 section 15.3.1
        yield Finding("status", want=200, got=reply.status)


@check(MUST, spec="ListModelsResponse", broken_by=[edit("body", '[{"id":"a","object":"model"}]')])
def list_envelope(reply: ModelList) -> Findings:
    """The list of models is an object, never a bare array.

    openai-python 3.52 raises AttributeError on an array; openai-node 6.49 sees no models at all.
    """
    listed = [an_object(model).get("object") for model in a_list(reply.document.value)]
    only_if("model" in listed or not listed, "this is a list of another API")
    yield from reply.breaks("body")


@check(MUST, spec="ListModelsResponse.object", broken_by=[drop("object"), edit("object", "models")])
def list_object(reply: ModelList) -> Findings:
    """The list's object is list.

    Strictly typed clients tell a list from one model by it; the official SDKs do not mind.
    """
    yield from reply.breaks("object")


@check(
    MUST, spec="ListModelsResponse.data", broken_by=[rename("data", "models"), edit("data", None)]
)
def list_data_key(reply: ModelList) -> Findings:
    """The models are an array called data.

    openai-python 3.52 and openai-node 6.49 see an empty list when it has another name.
    """
    yield from reply.breaks("data", "data[*]")


@check(MUST, spec="Model.id", broken_by=[edit("data[0].id", None), edit("data[0].id", "")])
def item_id(reply: ModelList) -> Findings:
    """Every listed model has a non-empty string id.

    The id is what a client sends as model.
    """
    yield from reply.breaks("data[*].id")


@check(
    MUST, spec="Model.object", broken_by=[edit("data[0].object", "models"), drop("data[0].object")]
)
def item_object(reply: ModelList) -> Findings:
    """Every listed model's object is model.

    Strictly typed clients refuse the list otherwise.
    """
    yield from reply.breaks("data[*].object")


@check(
    MUST,
    spec="Model.created",
    broken_by=[
        edit("data[0].created", "2024-01-01"),
        edit("data[0].created", 1700000000000),
        drop("data[0].created"),
    ],
)
def item_created(reply: ModelList) -> Findings:
    """Every listed model says in whole Unix seconds when it was created.

    Strictly typed clients refuse text and a missing time, and read milliseconds as the far future.
    """
    yield from reply.breaks("data[*].created")


@check(MUST, spec="Model.owned_by", broken_by=[rename("data[0].owned_by", "owner")])
def item_owned_by(reply: ModelList) -> Findings:
    """Every listed model says who owns it, as a string.

    Strictly typed clients refuse the list otherwise.
    """
    yield from reply.breaks("data[*].owned_by")


@check(
    SHOULD,
    spec="OpenAI API reference: List models",
    broken_by=[edit("data", [{"id": "a", "object": "model", "created": 1, "owned_by": "b"}] * 2)],
)
def list_unique_ids(reply: ModelList) -> Findings:
    """No model id is listed twice.

    A client that keeps models by id loses one of the two.
    """
    seen: set[str] = set()
    for at, model in reply.items:
        name = a_text(model.get("id"))
        if name and name in seen:
            yield Finding(f"{at}.id", want="an id not listed before", got=name)
        seen.add(name)


@check(
    SHOULD,
    spec="Model",
    broken_by=[rename("owned_by", "owner"), edit("id", "another-model"), edit("object", "list")],
)
def retrieve_shape(reply: Model) -> Findings:
    """GET /models/{id} answers with the model itself, under the id that was asked for.

    A client reads the members directly; wrapped in data they are all absent.
    """
    broken = list(reply.breaks("body", "id", "object", "created", "owned_by"))
    yield from broken
    named = a_text(reply.body.get("id"))
    if named and named != reply.asked_id:
        yield Finding("id", want=reply.asked_id, got=named)


Seen = tuple[frozenset[str], str, int]
"""The ids with a slash in a list; or else the id that was asked for, and the status."""


def _slashed(reply: Reply) -> Seen | None:
    if isinstance(reply, ModelList):
        ids = (a_text(model.get("id")) for _, model in reply.items)
        return frozenset(name for name in ids if "/" in name), "", reply.status
    only_if(reply.endpoint is Endpoint.MODEL, "not about models")
    asked = reply.asked_id
    return (frozenset(), asked, reply.status) if "/" in asked else None


@check(
    SHOULD,
    spec="GET /models/{model}",
    broken_by=[failed(NOT_FOUND, NO_ROUTE)],
    over=_slashed,
)
def retrieve_slash_ids(facts: list[Fact[Seen]]) -> Findings:
    """A listed model whose id holds a slash is found under its percent-encoded id.

    Ids such as org/name are what many servers list; a router that decodes too early loses them.
    """
    listed = frozenset[str]().union(*(fact.value[0] for fact in facts))
    asked = [fact for fact in facts if fact.value[1] in listed]
    only_if(asked, "no listed id with a slash was asked for")
    for fact in asked:
        if fact.value[2] == NOT_FOUND:
            yield Finding("status", want=200, got=NOT_FOUND, exchange=fact.exchange)


@check(MUST, spec="GET /models/{model}", broken_by=[edit("status", 400), edit("status", 410)])
def retrieve_unknown_404(reply: Reply) -> Findings:
    """A model that does not exist is answered with 404.

    Clients probe a model before they use it, and take any 200 for a yes.
    """
    only_if(reply.endpoint is Endpoint.MODEL and reply.method == "GET", "not about one model")
    only_if(NO_MODEL.search(reply.path), "the model that was asked for may exist")
    inconclusive_if(_unsure(reply.status), f"the request was refused with {reply.status}")
    if reply.status != NOT_FOUND:
        yield Finding("status", want=NOT_FOUND, got=reply.status)


@check(
    SHOULD,
    spec="OpenAI API reference: Authentication",
    broken_by=[all_of(edit("status", 200), edit("body", '{"object":"list","data":[]}'))],
)
def list_auth(reply: Reply) -> Findings:
    """A wrong key is refused with 401, not answered with an empty list.

    An empty list tells the user that there are no models. A public catalogue is another matter.
    """
    only_if(reply.endpoint is Endpoint.MODELS and reply.method == "GET", "not a list of models")
    key = reply.request_headers.get("authorization") or ""
    only_if(NO_KEY.search(key), "the key that was sent may be right")
    if isinstance(reply, ModelList) and reply.body.get("data") == []:
        yield Finding("data", want="status 401", got=[])
