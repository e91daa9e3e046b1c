"""Measures what becomes of parameters: through an adapter, or from what is recorded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Final

from conformance.adapter_file import Adapter
from conformance.adapting import adapted
from conformance.adapting.function import found
from conformance.dispositions import Answered, Cell, Measured, measured, seen, undeclared
from conformance.engine import Audit, Checks
from conformance.model import Outcome
from conformance.probe import Probe, probes
from conformance.probes.forwarding import VALUES
from conformance.recognise import recognise
from conformance.registry import checks
from conformance.replies import Endpoint
from conformance.routes import Route
from conformance.routes.replay import Replay, Store
from conformance.runner import Asked, Runner
from conformance.targets import Target

NOT_OPENAI: Final = ("top_k", "no_such_parameter")
"""Parameters of which nobody says anything in OpenAI's words."""
IMPLIED: Final = {
    "json_object": ("response_format",),
    "json_schema": ("response_format",),
    "logprobs": ("logprobs", "top_logprobs"),
    "n": ("n",),
    "parallel_tools": ("parallel_tool_calls",),
    "reasoning": ("reasoning_effort",),
    "stream": ("stream", "stream_options"),
    "tools": ("tools", "tool_choice"),
}
"""What a claim says of parameters."""
Heard = Callable[[str], None]


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
        self.columns = frozenset[str]().union(*(t.parameters for t in adapter.targets))

    def measure(self, on_done: Heard) -> Measurement:
        """Everything. Raises BadProvider, and OSError where a server can't be had."""
        made: dict[tuple[str, bool], Told] = {}
        declared: dict[str, frozenset[str] | None] = {}
        for modes in ((False,), (True,)) if self.globally else (self.modes,):
            adapter, settled = self._told(modes)
            plan = [replace(t, dropping=mode) for t in self.targets for mode in modes]
            with adapted(adapter, dropping=settled, **self.options) as route:
                made |= asyncio.run(through(route, plan, on_done))
                declared = declared or {t.name: self._declared(t) for t in self.targets}
        return self._table(made, declared)

    def _told(self, modes: Sequence[bool]) -> tuple[Adapter, bool]:
        """The adapter as it is to be told to drop, and whether that is by its settings."""
        dropping = self.adapter.dropping
        if not self.globally or dropping is None:
            return self.adapter, False
        return replace(self.adapter, dropping=replace(dropping, members={})), True in modes

    def _declared(self, target: Target) -> frozenset[str] | None:
        """The parameters that the adapter says a model takes; None where it does not say."""
        if not self.adapter.declares:
            return None
        model = self.adapter.upstream_of(target).calls_it.replace("{model}", target.model)
        try:
            told = found(self.adapter.declares)(model=model)
            return None if told is None else frozenset(map(str, told))
        except Exception:  # noqa: BLE001  # a stranger's function
            return None

    def _table(
        self,
        made: Mapping[tuple[str, bool], Told],
        declared: Mapping[str, frozenset[str] | None],
    ) -> Measurement:
        table = Measurement()
        for (name, dropping), told in made.items():
            target = next(target for target in self.targets if target.name == name)
            table.cells += self._cells(target, dropping, told.by_parameter, declared[name])
            table.problems += told.problems
            table.exchanges += told.exchanges
            if dropping:
                unsaid = undeclared(made[name, False].by_parameter, told.by_parameter)
                table.undeclared += [(name, parameter) for parameter in unsaid]
        return table

    def _cells(
        self,
        target: Target,
        dropping: bool,  # noqa: FBT001  # as it is in the data
        told: Mapping[str, Measured],
        declared: frozenset[str] | None,
    ) -> Iterator[Cell]:
        listed = self.columns if target.parameters else frozenset()
        for parameter in (name for name in VALUES if name in told):
            silent = declared is None or parameter in NOT_OPENAI
            yield Cell(
                target=target.name,
                parameter=parameter,
                dropping=dropping,
                documented=parameter in target.parameters if parameter in listed else None,
                declared=None if silent else parameter in (declared or ()),
                disposition=told[parameter].disposition,
                evidence=told[parameter].evidence,
            )


async def recorded(store: Store, targets: Sequence[Target], on_done: Heard) -> Measurement:
    """What the recordings of some targets tell."""
    effects = [check for check in checks().values() if check.breach is Outcome.IGNORED]
    audit, table = Audit(Checks(effects)), Measurement()
    answers: dict[str, Answered] = defaultdict(Answered)
    plan = plan_of(targets)
    async with aclosing(Runner(Replay(store), in_order=True).run(plan)) as events:
        async for done in events:
            on_done(done.name)
            if not isinstance(done, Asked):
                continue
            table.problems += done.problems
            for exchange in (one for slot in done.slots() for one in slot):
                table.exchanges += 1
                reply = recognise(exchange)
                if reply and reply.endpoint is Endpoint.CHAT:
                    answers[done.target.name].reply(reply)
                for verdict in audit.add(exchange):
                    answers[verdict.target].verdict(verdict)
    for verdict in audit.close():
        answers[verdict.target].verdict(verdict)
    for target in targets:
        table.cells += _claimed(target, answers[target.name])
    return table


def plan_of(targets: Sequence[Target]) -> list[tuple[Target, Probe]]:
    """Every probe of a target that asks for chat completions."""
    asking = [probe for probe in probes().values() if probe.endpoint == "chat"]
    return [(target, probe) for target in targets for probe in asking if probe.suits(target)]


def _claimed(target: Target, answers: Answered) -> Iterator[Cell]:
    """The cells of a target whose provider's file says what it documents, and what it can do."""
    implied = {name for claim in target.capabilities for name in IMPLIED.get(claim, ())}
    for parameter in VALUES:
        told = answers.measured(parameter)
        says = target.claimed and parameter not in NOT_OPENAI
        yield Cell(
            target=target.name,
            parameter=parameter,
            dropping=False,
            documented=parameter in target.parameters if says else None,
            declared=parameter in implied | target.parameters if says else None,
            disposition=told.disposition,
            evidence=told.evidence,
        )
