"""How close a live run comes to the limit that latency and concurrency set.

A server on this machine gives the reference's answers, each whole after LATENCY seconds. Every
probe is asked at different concurrencies. Nobody can be faster than the requests divided by those
in flight, nor than the longest conversation; the two waves (what opens an area, then the rest) each
have such a limit, and the limit printed is their sum.

    python bench/live.py [LATENCY in seconds, default 0.5]
"""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

from conformance.engine import Audit, Checks
from conformance.model import Chunk, Request, Response
from conformance.planning import Planned, longest_first, planned
from conformance.probe import probes
from conformance.registry import checks
from conformance.routes.http import Http, Options
from conformance.runner import Asked, Runner
from conformance.serve.connections import Connections
from conformance.serve.desk import Desk
from conformance.targets import endpoint

CONCURRENCIES = (8, 32)


@contextmanager
def served(latency: float) -> Iterator[str]:
    """A server whose every answer comes in one piece, after ``latency`` seconds."""
    desk = Desk()

    def answer(request: Request) -> Response:
        response = desk.answer(request)
        return replace(response, chunks=(Chunk(response.body, latency),))

    ports: list[int] = []
    ready, over = Event(), Event()

    async def serve() -> None:
        async with Connections(answer, 1.0).taken("127.0.0.1", 0) as port:
            ports.append(port)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        over.set()
        thread.join()


def limit(costs: Sequence[Planned], latency: float, concurrency: int) -> float:
    """The least time in which all this can be asked, in seconds."""
    least = 0.0
    for opens in (True, False):
        wave = [cost for cost in costs if cost.probe.opens is opens]
        requests = sum(cost.requests for cost in wave)
        longest = max(cost.rounds for cost in wave)
        least += latency * max(math.ceil(requests / concurrency), longest)
    return least


async def asked(url: str, concurrency: int) -> tuple[float, int, int]:
    """Seconds, requests and verdicts of one run, judging included."""
    target = endpoint(url, "reference", None)
    suited = [(target, probe) for probe in probes().values() if probe.suits(target)]
    plan = await longest_first(suited)
    audit = Audit(Checks(checks().values()))
    start = time.perf_counter()
    async with Http({}, Options(concurrency=concurrency)) as route:
        async for done in Runner(route).run(plan):
            for answers in done.slots() if isinstance(done, Asked) else ():
                list(audit.add(*answers))
    list(audit.close())
    return time.perf_counter() - start, audit.read, sum(audit.outcomes.values())


def main() -> None:
    """Print a line for each concurrency."""
    latency = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
    target = endpoint("http://127.0.0.1/v1", "reference", None)
    suited = [(target, probe) for probe in probes().values() if probe.suits(target)]
    costs = asyncio.run(planned(suited))
    requests = sum(cost.requests for cost in costs)
    print(f"{len(costs)} probes, {requests} requests, {latency} s each")
    for concurrency in CONCURRENCIES:
        with served(latency) as url:
            seconds, read, verdicts = asyncio.run(asked(url, concurrency))
        least = limit(costs, latency, concurrency)
        print(
            f"concurrency {concurrency:>3}: {seconds:6.2f} s, limit {least:6.2f} s, "
            f"ratio {seconds / least:.2f}  ({read} exchanges, {verdicts / read:.0f} checks each)"
        )


if __name__ == "__main__":
    main()
