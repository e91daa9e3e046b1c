"""How fast an audit is: exchanges per second on one core, against the least it could cost.

The least is reading the same bytes as JSON and validating them against the same schemas, with
nothing else. Both run in this one process, in turn, so that the ratio holds on a noisy machine.

    python bench/audit.py [PATH...]      default: the reference exchanges, 20 times over
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from conformance import schema, traffic
from conformance.engine import Audit, Checks
from conformance.model import Exchange
from conformance.recognise import recognise
from conformance.reference.exchanges import exchanges
from conformance.registry import checks
from conformance.replies import Shaped, Stream

ROUNDS = 3


def loaded(paths: Iterable[str]) -> list[Exchange]:
    """The exchanges of these files, or the reference's."""
    files = list(traffic.find([Path(path) for path in paths]))
    if not files:
        return [replace(x, id=f"{x.id}-{i}") for i in range(20) for x in exchanges().values()]
    return [item for file in files for item in traffic.read(file) if isinstance(item, Exchange)]


def documents(judged: Iterable[Exchange]) -> list[tuple[str | None, bytes]]:
    """What there is to parse: (schema, bytes) of every body and every event."""
    found: list[tuple[str | None, bytes]] = []
    for exchange in judged:
        reply = recognise(exchange)
        if isinstance(reply, Stream):
            data = [event.data for event in reply.events if event.data.startswith("{")]
            found += [(reply.schema_name, text.encode()) for text in data]
        elif reply is not None:
            name = reply.schema_name if isinstance(reply, Shaped) else None
            found.append((name, reply.response.body))
    return found


def least(found: Iterable[tuple[str | None, bytes]]) -> None:
    """Parse and validate, and nothing else."""
    for name, text in found:
        try:
            value = json.loads(text)
        except ValueError:
            continue
        if name:
            schema.violations(name, value)


def audit(judged: Iterable[Exchange]) -> None:
    """Run every check."""
    run = Audit(Checks(checks().values()))
    for exchange in judged:
        for _ in run.add(exchange):
            pass
    for _ in run.close():
        pass


def seconds(work: Callable[[], None]) -> float:
    """The processor time that ``work`` takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    judged = loaded(sys.argv[1:])
    found = documents(judged)
    pairs = [(seconds(lambda: audit(judged)), seconds(lambda: least(found))) for _ in range(ROUNDS)]
    rate = len(judged) / statistics.median(a for a, _ in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"{len(judged)} exchanges, {len(found)} documents, {len(checks())} checks")
    print(f"{rate:.0f} exchanges per second on one core")
    print(f"{ratio:.2f} times the cost of JSON parsing and schema validation alone")


if __name__ == "__main__":
    main()
