"""Has the conversations of a run, with whoever answers them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing

import click

from conformance.cli.choosing import Choice
from conformance.cli.live import Live
from conformance.cli.progress import Bar
from conformance.fuzz import crash
from conformance.planning import longest_first, planned
from conformance.probe import Probe
from conformance.routes import Route
from conformance.routes.http import Http
from conformance.routes.replay import Replay, Store
from conformance.runner import Asked, Runner
from conformance.session import Session
from conformance.targets import Target


async def carry_out(session: Session, choice: Choice, way: Live | Store, turns: int) -> list[Asked]:
    """Do it all, and return those of the requests drawn by lot that a server crashed over."""
    plan = choice.plan()
    if isinstance(way, Live):
        plan = await longest_first(plan)
        if choice.checks_only:
            await _warn(plan, turns)
    crashed = []
    with Bar(len(plan)) as bar:
        async with AsyncExitStack() as stack:
            route: Route = Replay(way) if isinstance(way, Store) else way.route(bar.traffic)
            if isinstance(route, Http):
                stack.push_async_exit(route)
            events = await stack.enter_async_context(
                aclosing(Runner(route, turns, in_order=isinstance(way, Store)).run(plan))
            )
            async for done in events:
                session.take(done)
                bar.done(done.name)
                if isinstance(done, Asked) and crash(done):
                    crashed.append(done)
    if isinstance(way, Live):
        session.refused()
    return crashed


async def _warn(plan: Sequence[tuple[Target, Probe]], turns: int) -> None:
    """Say what checks that are named by themselves cost."""
    requests = sum(one.requests for one in await planned(plan)) * turns
    how = "to ask less, name a probe as well (conformance plan --probes), or for a MUST --quick"
    said = f"--only names checks alone, so every probe is asked, in up to {requests:,} requests"
    click.echo(f"conformance: {said}; {how}", err=True)
