"""Replays what is recorded: which targets that are, and what came of them."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from conformance.cli.choosing import OWN, Choice, choose
from conformance.cli.common import opened, stop
from conformance.cli.conversing import carry_out
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.results.reading import Run, read
from conformance.results.writing import ResultsFile
from conformance.routes.replay import Store
from conformance.samples import sample_files
from conformance.session import Session


def replayed(targets: Sequence[str], cassettes: Path, folder: Path | None) -> Run:
    """What the recordings of some targets come to; exits with 2 where there are none."""
    store = Store(cassettes)
    choice = recorded_of(choose(targets, folder=folder), store, targets, folder or OWN)
    with tempfile.TemporaryDirectory(prefix="conformance-") as place:
        path = Path(place) / "results.jsonl"
        with opened(path) as file:
            writer = ResultsFile(file)
            writer.start("replay", [])
            session = Session(Audit(Checks(choice.checks)), Expectations(choice.targets), writer)
            asyncio.run(carry_out(session, choice, store, 1))
            session.account.unrecorded(choice.absent)
            session.samples((target, store.of(target)) for target in choice.targets)
            session.close(whole=choice.whole)
        return read(path)


def recorded_of(choice: Choice, store: Store, named: Sequence[str], folder: Path) -> Choice:
    """The targets of which there is a recording, and who of those in ``folder`` has none.

    Exits with 2 when that is none of them, or not one that was asked for by its whole name.
    """
    there = [t for t in choice.targets if store.has(t) or sample_files(store.of(t))]
    missing = [t.name for t in choice.targets if t not in there]
    missing.sort(key=lambda name: name not in named)
    if missing and named and (not there or missing[0] in named):
        stop(f"{missing[0]} was never recorded; do it: conformance run {missing[0]} --record")
    if not there:
        stop(f"nothing is recorded in {store.folder}; see: conformance run --help")
    replayed = {t for t in there if store.has(t)}
    own = {path.stem for path in folder.glob("*.toml")}
    absent = [t for t in choice.targets if t not in there and (t.provider in own or not own)]
    return replace(
        choice,
        targets=tuple(there),
        asked=frozenset(target.name for target in replayed),
        absent=tuple(absent),
    )


def leftovers(session: Session, choice: Choice, store: Store, turns: int) -> None:
    """Note the recordings that nothing asks for any more, as far as all of them were meant."""
    asking = defaultdict(set)
    for target, probe in choice.plan() if choice.whole else ():
        asking[target].add(probe.id)
    for target, names in asking.items():
        for leftover in store.leftovers(target, names, turns):
            session.problem(leftover)
