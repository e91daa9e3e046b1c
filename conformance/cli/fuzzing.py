"""``--fuzz``: chat requests drawn by lot, and those of earlier runs that are probes by now."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any

import click

from conformance.cli.common import Command, stop
from conformance.fuzz import SUITE, NoHypothesis, crash, fuzzed, remembered
from conformance.model import Level
from conformance.probe import Probe
from conformance.report.terminal import printable
from conformance.routes.replay import Store
from conformance.runner import Asked
from conformance.session import Session
from conformance.targets import Target
from conformance.traffic.cassettes import BadCassette


def fuzz_options(command: Command) -> Command:
    """``--fuzz`` and ``--seed``."""
    seed = click.option(
        "--seed", type=click.IntRange(0), metavar="S", help="Draw what the run with this seed drew."
    )
    count = click.option(
        "--fuzz",
        type=click.IntRange(1, 10_000),
        metavar="N",
        help="Also send N small chat requests drawn by lot, good ones and ones with a fault.",
    )
    return count(seed(command))


def drawing(
    given: dict[str, Any], recorded: Store, *, is_live: bool
) -> Callable[[Target], list[Probe]]:
    """What gives a target's drawn requests: those recorded of it, and ``--fuzz`` new ones.

    Exits with 2 where the options do not go together.
    """
    count, seed = given["fuzz"], given["seed"]
    if count and not is_live:
        stop("--fuzz needs --live or --record: a replay knows only what was asked")
    if seed is not None and not count:
        stop("--seed goes with --fuzz N")
    if count:
        seed = secrets.randbelow(2**32) if seed is None else seed
        click.echo(f"fuzz seed: {seed} (repeat with --seed {seed})", err=True)

    def drawn(target: Target) -> list[Probe]:
        try:
            kept = remembered(recorded.of(target), answered=not is_live)
            new = fuzzed(target, count, seed) if count else []
            return list({probe.id: probe for probe in (*new, *kept)}.values())
        except (BadCassette, NoHypothesis) as error:
            stop(str(error))

    return drawn


def tell(crashed: Iterable[Asked]) -> None:
    """Say over which drawn requests a server came to grief; a check may have nothing to say."""
    for asked in crashed:
        click.echo(f"conformance: {printable(f'{asked.name}: {crash(asked)}')}", err=True)


def forget(
    targets: Iterable[Target],
    session: Session,
    crashed: Iterable[Asked],
    store: Store,
    recorded: Store,
) -> None:
    """Drop the cassettes of drawn requests that showed nothing new; those kept once stay.

    One shows something if the server crashed over it, or if it is the example of a MUST failure
    that nobody knew of.
    """
    telling = {(verdict.target, verdict.probe) for verdict in session.board.news(Level.MUST)}
    telling |= {(asked.target.name, asked.probe.id) for asked in crashed}
    for target in targets:
        for path in list(store.of(target).glob(f"{SUITE}.*.yaml")):
            probe = path.stem.partition("@")[0]
            known = (recorded.of(target) / f"{probe}.yaml").exists()
            if not known and (target.name, probe) not in telling:
                path.unlink()
