"""Errors of one server, compared with each other."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from conformance.model import Finding, Findings
from conformance.mutate import edit
from conformance.registry import MUST, SHOULD, Fact, check, inconclusive_if
from conformance.replies import Endpoint, ErrorReply
from conformance.suites._twins import DELIVERY, digest
from conformance.suites.errors.body import Shape, shape


@dataclass(frozen=True, slots=True)
class _Told:
    """The form of one error; ``group`` names the errors that it is compared with."""

    group: object
    shape: Shape
    streamed: bool = False
    endpoint: Endpoint = Endpoint.CHAT


def _by_status(reply: ErrorReply) -> _Told | None:
    found = shape(reply)
    return None if found is Shape.TEXT else _Told(reply.status, found, endpoint=reply.endpoint)


@check(
    SHOULD,
    spec="ErrorResponse",
    over=_by_status,
    broken_by=[edit("error", "wrong key").on("models.wrong_key").also("errors.not_string")],
)
def consistent_across_endpoints(facts: list[Fact[_Told]]) -> Findings:
    """Every endpoint tells the same error in the same form.

    Otherwise a client needs to read each endpoint's errors differently.
    """
    shapes: dict[object, dict[Endpoint, set[Shape]]] = defaultdict(lambda: defaultdict(set))
    for fact in facts:
        shapes[fact.value.group][fact.value.endpoint].add(fact.value.shape)
    inconclusive_if(all(len(found) < 2 for found in shapes.values()), "one endpoint refused")  # noqa: PLR2004  # two to compare
    for fact in facts:
        told = fact.value
        known = shapes[told.group]
        others = [known[endpoint] for endpoint in known if endpoint is not told.endpoint]
        apart = others and known[told.endpoint].isdisjoint(set().union(*others))
        if apart and told.shape is not Shape.ENVELOPE:
            want = " or ".join(sorted(set().union(*others)))
            yield Finding("body", want=want, got=str(told.shape), exchange=fact.exchange)


def _by_request(reply: ErrorReply) -> _Told | None:
    found = shape(reply)
    if found is Shape.TEXT:
        return None
    return _Told((digest(reply, *DELIVERY), reply.status), found, reply.asked_to_stream)


@check(
    MUST,
    spec="ErrorResponse",
    over=_by_request,
    broken_by=[
        edit("error", "no such model").on("errors.stream_unknown_model").also("errors.not_string")
    ],
)
def stream_same_shape(facts: list[Fact[_Told]]) -> Findings:
    """A request for a stream is refused in the same form as one without.

    Clients have one piece of code that reads errors.
    """
    whole: dict[object, set[Shape]] = defaultdict(set)
    for fact in facts:
        if not fact.value.streamed:
            whole[fact.value.group].add(fact.value.shape)
    streamed = [fact for fact in facts if fact.value.streamed and fact.value.group in whole]
    inconclusive_if(not streamed, "no refused request was sent both with and without stream")
    for fact in streamed:
        known = whole[fact.value.group]
        if fact.value.shape not in known:
            want, got = " or ".join(sorted(known)), str(fact.value.shape)
            yield Finding("body", want=want, got=got, exchange=fact.exchange)
