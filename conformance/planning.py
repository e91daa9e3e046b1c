"""What a live run would send, found out by having the same conversations with the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conformance.cost import ceiling
from conformance.engine import Checks
from conformance.model import Level, Outcome
from conformance.probe import Probe
from conformance.recognise import recognise
from conformance.registry import Check
from conformance.routes import Call
from conformance.routes.reference import KEY, Reference
from conformance.runner import converse
from conformance.targets import CAPABILITIES, Target

MODEL, BASE_URL = "reference", "https://reference/v1"
"""The model of the reference that takes everything, and where it is."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One probe at one target: requests and tokens at most, of prompts and answers together.

    ``rounds`` is how often it waits for answers: what is asked at once is one round.
    """

    target: Target
    probe: Probe
    requests: int
    tokens: int
    rounds: int


async def planned(pairs: Iterable[tuple[Target, Probe]]) -> list[Planned]:
    """What each pair would cost. A conversation may end earlier than with the reference."""
    return [await _cost(target, probe) for target, probe in pairs]


async def longest_first(pairs: Sequence[tuple[Target, Probe]]) -> list[tuple[Target, Probe]]:
    """The same pairs, with the longest conversations at the front: nobody waits for them alone."""
    once = {probe.id: (target, probe) for target, probe in pairs}
    lengths = {cost.probe.id: cost.rounds for cost in await planned(once.values())}
    return sorted(pairs, key=lambda pair: -lengths[pair[1].id])


async def _cost(target: Target, probe: Probe) -> Planned:
    stand_in = replace(target, model=MODEL, base_url=BASE_URL)
    talk = await converse(Reference(), Call(stand_in, probe.id), probe)
    requests = [exchange.request for exchange in talk.exchanges]
    return Planned(target, probe, len(requests), sum(map(ceiling, requests)), talk.rounds)


async def fewest(asking: Iterable[Probe], judging: Iterable[Check]) -> list[Probe]:
    """The probes that open an area, and few others that give every MUST check its say.

    Found by asking them all of the reference, and taking again and again the one that decides the
    most checks a request that none before it did.
    """
    judges = Checks(check for check in judging if check.level is Level.MUST)
    asking = list(asking)
    chosen = [probe for probe in asking if probe.opens]
    # What only adapters are asked decides nothing for the others.
    worth = {p: await _decided(p, judges) for p in asking if "adapter" not in p.needs}
    open_ = set[Check]().union(*(found for found, _ in worth.values()))
    open_ -= set[Check]().union(*(worth[probe][0] for probe in chosen if probe in worth))
    while open_:
        best = max(worth, key=lambda probe: len(worth[probe][0] & open_) / worth[probe][1])
        chosen.append(best)
        open_ -= worth[best][0]
    return sorted(chosen, key=lambda probe: probe.id)


async def _decided(probe: Probe, judges: Checks) -> tuple[set[Check], int]:
    """The checks that pass on what the reference says to a probe, and how many requests it is."""
    lacking = CAPABILITIES - {"reasoning"} - probe.lacks
    target = Target("reference", MODEL, BASE_URL, KEY, capabilities=lacking)
    talk = await converse(Reference(), Call(target, probe.id), probe)
    replies = [reply for exchange in talk.exchanges if (reply := recognise(exchange))]
    judged = [judgement for reply in replies for judgement in judges.judge(reply)]
    passed = {judgement.check for judgement in judged if judgement.outcome is Outcome.PASS}
    return passed, max(1, len(talk.exchanges))
