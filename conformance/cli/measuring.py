"""Measures what becomes of parameters: through an adapter, or from what is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.adapter_file import Adapter
from conformance.adapting import adapted
from conformance.adapting.function import found
from conformance.answers import NOT_OPENAI, Answers
from conformance.dispositions import Cell, Measured, measured, seen, undeclared
from conformance.probe import Probe, probes
from conformance.probes.forwarding import VALUES
from conformance.routes import Route
from conformance.routes.replay import Replay, Store
from conformance.runner import Asked, Runner
from conformance.targets import Target

Heard = Callable[[str], None]
Declared = Mapping[str, frozenset[str] | None]
"""Target -> the parameters that its adapter says it takes; None where it does not say."""


@dataclass(slots=True)
class Measurement:
    """The table of parameters, and what kept it from being complete."""

    cells: list[Cell] = field(default_factory=list)
    undeclared: list[tuple[str, str]] = field(default_factory=list)
    """The target and parameter of what is dropped on demand, and not refused without."""
    problems: list[str] = field(default_factory=list)
    exchanges: int = 0


@dataclass(slots=True)
class Told:
    """What became of parameters at one target told to drop or not; how often it was asked."""

    by_parameter: Mapping[str, Measured]
    problems: Sequence[str]
    exchanges: int


async def through(
    route: Route, targets: Sequence[Target], on_done: Heard
) -> dict[tuple[str, bool], Told]:
    """What an adapter makes of each parameter, by the target's name and whether it is to drop."""
    plan = [(target, _forwarding()) for target in targets]
    made = {}
    async with aclosing(Runner(route, in_order=True).run(plan)) as events:
        async for done in events:
            on_done(done.name)
            if isinstance(done, Asked):
                exchanges = [one for turn in done.turns for one in turn.exchanges]
                told = measured([fact for one in exchanges if (fact := seen(one))])
                # Where every parameter is told of, what else went wrong is not ours to judge.
                problems = [] if VALUES.keys() <= told.keys() else done.problems
                made[done.target.name, done.target.dropping] = Told(told, problems, len(exchanges))
    return made


def _forwarding() -> Probe:
    return probes()["forwarding.parameters"]


class Behind:
    """Measures targets behind an adapter: with dropping off, then on."""

    def __init__(
        self, adapter: Adapter, targets: Sequence[Target], options: Mapping[str, Any]
    ) -> None:
        self.adapter = adapter
        self.targets = targets
        self.options = {name: options[name] for name in ("served", "cassettes")}
        self.globally = bool(options["globally"])
        self.modes = (False, True) if adapter.dropping else (False,)

    def measure(self, on_done: Heard) -> Measurement:
        """Everything. Raises BadProvider, and OSError where a server can't be had."""
        made: dict[tuple[str, bool], Told] = {}
        declared: Declared = {}
        for modes in ((False,), (True,)) if self.globally else (self.modes,):
            adapter, settled = self._told(modes)
            plan = [replace(t, dropping=mode) for t in self.targets for mode in modes]
            with adapted(adapter, dropping=settled, **self.options) as route:
                made |= asyncio.run(through(route, plan, on_done))
                declared = declared or declared_by(self.adapter, self.targets)
        by_mode = {key: told.by_parameter for key, told in made.items()}
        table = table_of(self.adapter, self.targets, by_mode, declared)
        table.problems += [problem for told in made.values() for problem in told.problems]
        table.exchanges += sum(told.exchanges for told in made.values())
        return table

    def _told(self, modes: Sequence[bool]) -> tuple[Adapter, bool]:
        """The adapter as it is to be told to drop, and whether that is by its settings."""
        dropping = self.adapter.dropping
        if not self.globally or dropping is None:
            return self.adapter, False
        return replace(self.adapter, dropping=replace(dropping, members={})), True in modes


def declared_by(adapter: Adapter, targets: Sequence[Target]) -> Declared:
    """The parameters that an adapter says each target takes; None where it does not say.

    To be called while the adapter is there.
    """
    return {target.name: _declared(adapter, target) for target in targets}


def _declared(adapter: Adapter, target: Target) -> frozenset[str] | None:
    if not adapter.declares:
        return None
    model = adapter.upstream_of(target).calls_it.replace("{model}", target.model)
    try:
        told = found(adapter.declares)(model=model)
    except Exception:  # noqa: BLE001  # a stranger's function
        return None
    return None if told is None else frozenset(map(str, told))


def table_of(
    adapter: Adapter,
    targets: Sequence[Target],
    made: Mapping[tuple[str, bool], Mapping[str, Measured]],
    declared: Declared,
) -> Measurement:
    """What was measured, by target and whether dropping was on, beside what is said of it."""
    columns = frozenset[str]().union(*(target.parameters for target in adapter.targets))
    table = Measurement()
    for (name, dropping), told in made.items():
        target = next(target for target in targets if target.name == name)
        table.cells += _cells(replace(target, dropping=dropping), told, declared[name], columns)
        if dropping and (name, False) in made:
            unsaid = undeclared(made[name, False], told)
            table.undeclared += [(name, parameter) for parameter in unsaid]
    return table


def _cells(
    target: Target,
    told: Mapping[str, Measured],
    declared: frozenset[str] | None,
    columns: frozenset[str],
) -> Iterator[Cell]:
    for parameter in VALUES:
        if parameter in told:
            ours = parameter not in NOT_OPENAI
            listed = ours and parameter in columns and bool(target.parameters)
            yield Cell(
                target=target.name,
                parameter=parameter,
                dropping=target.dropping,
                documented=parameter in target.parameters if listed else None,
                declared=parameter in declared if ours and declared is not None else None,
                disposition=told[parameter].disposition,
                evidence=told[parameter].evidence,
            )


async def recorded(store: Store, targets: Sequence[Target], on_done: Heard) -> Measurement:
    """What the recordings of some targets tell."""
    answers, table = Answers(), Measurement()
    async with aclosing(Runner(Replay(store), in_order=True).run(plan_of(targets))) as events:
        async for done in events:
            on_done(done.name)
            if not isinstance(done, Asked):
                continue
            table.problems += done.problems
            for slot in done.slots():
                answers.add(*slot)
                table.exchanges += len(slot)
    answers.close()
    for target in targets:
        table.cells += answers.claimed(target)
    return table


def plan_of(targets: Sequence[Target]) -> list[tuple[Target, Probe]]:
    """Every probe of a target that asks for chat completions."""
    asking = [probe for probe in probes().values() if probe.endpoint == "chat"]
    return [(target, probe) for target in targets for probe in asking if probe.suits(target)]
