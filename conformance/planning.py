"""What a live run would send, found out by having the same conversations with the reference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from conformance.cost import ceiling
from conformance.probe import Probe
from conformance.routes import Call
from conformance.routes.reference import Reference
from conformance.runner import converse
from conformance.targets import Target

MODEL = "reference"
"""The model of the reference that takes everything."""


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
    stand_in = replace(target, model=MODEL)
    talk = await converse(Reference(), Call(stand_in, probe.id), probe)
    requests = [exchange.request for exchange in talk.exchanges]
    return Planned(target, probe, len(requests), sum(map(ceiling, requests)), talk.rounds)
