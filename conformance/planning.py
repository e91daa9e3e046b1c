"""What a live run would send, found out by having the same conversations with the reference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
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
    """One probe at one target: requests and tokens at most, of prompts and answers together."""

    target: Target
    probe: Probe
    requests: int
    tokens: int


def planned(pairs: Iterable[tuple[Target, Probe]]) -> Iterator[Planned]:
    """What each pair would cost. A conversation may end earlier than with the reference."""
    for target, probe in pairs:
        stand_in = replace(target, model=MODEL)
        talk = asyncio.run(converse(Reference(), Call(stand_in, probe.id), probe))
        requests = [exchange.request for exchange in talk.exchanges]
        yield Planned(target, probe, len(requests), sum(map(ceiling, requests)))
