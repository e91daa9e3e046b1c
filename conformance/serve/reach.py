"""Which checks a server can break, and which requests show it."""

from __future__ import annotations

from conformance.model import Request
from conformance.proof import Proof, golden, prove
from conformance.reference import requests
from conformance.registry import Check
from conformance.serve.desk import Desk
from conformance.serve.messages import declared_length


def demonstrations(check: Check) -> list[Request]:
    """Requests of which at least one is answered badly by a server that breaks ``check``.

    They are the requests of its counterexamples; for a check about sets, those of the reference
    that it compares come before them.
    """
    made = [proof.broken.request for proof in prove(check) if proof.broken]
    session = golden()
    compared = [one for name, one in requests().items() if session.passes(check, name)]
    return [*compared, *made] if check.over else made


def unreachable(check: Check) -> str | None:
    """Why no answer over HTTP can break ``check``; None where one can."""
    whole, broken = Desk(), Desk(check, pace=1.0)
    if any(broken.answer(one) != whole.answer(one) for one in demonstrations(check)):
        return None
    proofs = list(prove(check))
    if all(_is_about_adapters(proof) for proof in proofs):
        return "it is about both sides of an adapter, and a server is one side"
    if any(_is_cut_short(proof) for proof in proofs):
        return "a client reads as much of a body as is declared, and sees no difference"
    if not any(_edits_response(proof) for proof in proofs):
        return "every counterexample edits the request, and no simpler request's answer shows it"
    return "no reference request shows it without breaking other checks"


def _is_about_adapters(proof: Proof) -> bool:
    return proof.broken is not None and bool(proof.broken.upstream)


def _is_cut_short(proof: Proof) -> bool:
    response = proof.broken.response if proof.broken else None
    return response is not None and declared_length(response) not in (None, len(response.body))


def _edits_response(proof: Proof) -> bool:
    good = golden().exchanges.get(str(proof.reference))
    return bool(good and proof.broken and proof.broken.response != good.response)
