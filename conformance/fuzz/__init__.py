"""Requests drawn by lot, and what is left of those that led to a failure: probes for good.

A request is drawn once, before anything is sent; what led to a failure is kept as a cassette. Its
file is all there is of that probe, so a replay needs neither the seed nor hypothesis.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from conformance import jsontext
from conformance.model import Exchange
from conformance.probe import Probe, Steps
from conformance.routes.failures import NEVER_SENT
from conformance.runner import NOT_TOLD, Asked
from conformance.targets import Target, to_json
from conformance.traffic import read
from conformance.traffic.cassettes import BadCassette

Json = dict[str, Any]

SUITE: Final = "fuzz"
CRASHED: Final = 500
"""From here on a status says that the server is at fault (RFC 9110 section 15.6)."""
BUSY: Final = frozenset({503, 529})
"""Statuses that tell of a server's load rather than of a request (RFC 9110, Anthropic)."""
TRIES: Final = 20
"""Lots drawn for each request wanted, at most: some come to nothing, or to one drawn before."""
LOT: Final = 4096
"""Bytes of a lot: more than any request needs choices."""
_NAME: Final = re.compile(rf"{SUITE}\.[0-9a-f]{{8}}")


class NoHypothesis(Exception):  # noqa: N818  # the installation is at fault
    """Requests cannot be drawn; the message says what to install."""


def fuzzed(target: Target, count: int, seed: int) -> list[Probe]:
    """``count`` probes of one chat request each, no two alike.

    The same seed draws the same requests with the same version of hypothesis, and a larger count
    adds to a smaller one. Raises NoHypothesis.
    """
    return [_probe(name, body) for name, body in _drawn(target.limit, count, seed).items()]


@cache
def _drawn(limit: str, count: int, seed: int) -> Mapping[str, Json]:
    """The bodies, without a model, by the names of their probes."""
    try:
        from hypothesis import given, settings  # noqa: PLC0415  # an extra

        from conformance.fuzz.requests import requests  # noqa: PLC0415  # needs it too
    except ImportError as error:
        fix = "--fuzz draws requests with hypothesis: pip install 'llm-api-conformance[test]'"
        raise NoHypothesis(fix) from error
    found: dict[str, Json] = {}

    @settings(database=None)
    @given(requests(limit))
    def draw(body: Json) -> None:
        found.setdefault(_name(body), body)

    # Fed with bytes, hypothesis draws the same whatever its profile and the modules loaded are.
    strategy: Any = draw
    feed = strategy.hypothesis.fuzz_one_input
    lots = random.Random(seed)  # noqa: S311  # they guard nothing
    for _ in range(count * TRIES):
        if len(found) == count:
            break
        feed(lots.randbytes(LOT))
    return found


def remembered(folder: Path, *, answered: bool = False) -> Iterator[Probe]:
    """A probe for each drawn request that is recorded in a target's folder.

    With ``answered``, one that had no answer asks nothing: a replay has nothing to judge in it.
    Raises BadCassette for a file that holds no such request.
    """
    for path in sorted(folder.glob(f"{SUITE}.*.yaml")):
        if not _NAME.fullmatch(path.stem):
            continue
        last = deque((item for item in read(path) if isinstance(item, Exchange)), maxlen=1)
        body = jsontext.parse(last[0].request.body).value if last else None
        if not isinstance(body, dict):
            raise BadCassette(path, "holds no chat request")
        asks = not answered or _is_answer(last[0])
        yield _probe(path.stem, body if asks else None)


def crash(asked: Asked) -> str | None:
    """How a server came to grief over a drawn request: by its status, or for want of an answer."""
    last = [turn.exchanges[-1] for turn in asked.turns if turn.exchanges]
    found = filter(None, map(_crash, last)) if asked.probe.suite == SUITE else iter(())
    return next(found, None)


def _is_answer(exchange: Exchange) -> bool:
    return exchange.response is not None and exchange.response.status not in NOT_TOLD


def _crash(exchange: Exchange) -> str | None:
    response, failure = exchange.response, exchange.failure
    if response is None:
        return f"no answer: {failure.kind}" if failure and failure.kind not in NEVER_SENT else None
    if response.status < CRASHED or response.status in BUSY:
        return None
    return f"status {response.status}"


def _probe(name: str, body: Mapping[str, Any] | None) -> Probe:
    def ask(target: Target) -> Steps:
        if body is not None:
            yield target.post("/chat/completions", {**body, "model": target.model})

    return Probe(
        id=name,
        summary="A request drawn by lot.",
        endpoint="chat",
        needs=frozenset(),
        lacks=frozenset(),
        opens=False,
        function=ask,
    )


def _name(body: Mapping[str, Any]) -> str:
    """The id of the probe that sends ``body``, whichever model is asked."""
    rest = {key: value for key, value in body.items() if key != "model"}
    return f"{SUITE}.{hashlib.sha256(to_json(rest)).hexdigest()[:8]}"
