"""Which items there are: said by the options, the same in every process of a run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from conformance.cli.choosing import OWN, Choice, choose
from conformance.cli.fuzzing import drawing
from conformance.gate import Plan
from conformance.plugin import PACKAGE
from conformance.probe import Probe
from conformance.pytest_plugin.through import Through
from conformance.registry import Check
from conformance.routes.replay import SUFFIX, Store
from conformance.samples import sample_files
from conformance.targets import Target

SETS: Final = "sets"
"""The item that compares the exchanges of a target's probes with each other."""
DROPPING: Final = "+dropping"
"""What is added to a probe's id where an adapter is told to drop what a provider does not take."""
SAMPLES: Final = "samples"
"""The item that judges the exchanges in a target's folder that no probe asked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one item is about: a probe at a target, its sets or its samples."""

    target: Target
    name: str
    probe: Probe | None = None

    @classmethod
    def of(cls, target: Target, probe: Probe) -> Case:
        """The case of one conversation."""
        return cls(target, f"{probe.id}{DROPPING}" if target.dropping else probe.id, probe)

    @property
    def id(self) -> str:
        """``provider/model::name``."""
        return f"{self.target.name}::{self.name}"

    @property
    def stage(self) -> tuple[int, bool]:
        """Before the others come the probes that open an area, as in a run without pytest."""
        if self.probe is None:
            return (2 if self.name == SETS else 3), False
        return (0 if self.probe.opens else 1), self.target.dropping


@dataclass(frozen=True, slots=True)
class Roster:
    """The targets and checks of a run, and its cases by target in the order of the items."""

    targets: tuple[Target, ...]
    checks: tuple[Check, ...]
    cases: dict[str, list[Case]]
    """Target -> all its cases, chosen or not."""
    patterns: tuple[str, ...]
    """The cases that were named by ``--conformance`` or as arguments; all are meant if none."""
    store: Store
    is_live: bool = False
    through: Through | None = None
    """The adapter that all targets are behind; None where there is none."""
    notes: str = ""
    """What the options led to that somebody should know."""

    def chosen(self, target: Target) -> list[Case]:
        """The cases of a target that were asked for."""
        cases = self.cases[target.name]
        return [case for case in cases if not self.patterns or self._is_named(case)]

    def asking(self, target: Target) -> list[Case]:
        """The cases of a target that ask for something, those that open an area first."""
        cases = sorted(self.cases[target.name], key=lambda case: case.stage)
        return [case for case in cases if case.probe]

    def place(self, case: Case) -> Path:
        """The file, or the folder, that a case is judged by."""
        if self.through:
            return self.through.known.path
        folder = self.store.of(case.target)
        return folder / f"{case.name}{SUFFIX}" if case.probe else folder

    def ordered(self) -> list[Case]:
        """Every case, in the order in which a run without pytest judges them."""
        cases = [case for members in self.cases.values() for case in members]
        return sorted(cases, key=lambda case: case.stage)

    def needed(self, ids: Iterable[str]) -> list[tuple[Target, Probe]]:
        """What has to be asked so that these items can be judged."""
        wanted = set(ids)
        return [
            (case.target, case.probe)
            for case in self.ordered()
            if case.probe and {case.id, f"{case.target.name}::{SETS}"} & wanted
        ]

    def _is_named(self, case: Case) -> bool:
        return any(_names(pattern, case) for pattern in self.patterns)


def roster(config: pytest.Config) -> Roster:
    """What the options ask for; arguments that name items are taken out of ``config.args``.

    Raises UsageError for what does not exist or was never recorded.
    """
    named = [*filter(None, config.option.conformance), *_arguments(config)]
    with usage_errors() as said:
        through = Through.of(config)
    make = _unadapted if through is None else partial(_adapted, through=through)
    made = replace(make(config, named), notes=said.getvalue())
    for pattern in named:
        if not any(_names(pattern, case) for case in made.ordered()):
            raise pytest.UsageError(f"conformance: {pattern} names no probe: see conformance plan")
    return made


def _adapted(config: pytest.Config, named: Sequence[str], through: Through) -> Roster:
    """The targets behind an adapter."""
    options, here = config.option, config.invocation_params.dir
    with usage_errors():
        targets = through.targets(_targets_of(named))
        choice = choose((), level=options.conformance_level, among=targets)
    cases = _cases(choice.targets, through.plan(choice.targets, choice.probes))
    store = Store(here / options.conformance_cassettes)
    return Roster(choice.targets, choice.checks, cases, tuple(named), store, through=through)


def _unadapted(config: pytest.Config, named: Sequence[str]) -> Roster:
    """The targets that are asked, or of which there is a recording."""
    options, here = config.option, config.invocation_params.dir
    is_live = options.conformance_live or options.conformance_record
    store = Store(here / options.conformance_cassettes)
    choice = _choice(config, _targets_of(named), store)
    if is_live and not (named or options.conformance_base_url):
        raise pytest.UsageError("conformance: say who is to be asked: --conformance TARGET")
    if options.conformance_record and not named:
        raise pytest.UsageError("conformance: only a TARGET that has a file can be recorded")
    targets = choice.targets if is_live else _recorded(choice.targets, store, named)
    there = {target.name for target in targets if is_live or store.has(target)}
    plan = [(target, probe) for target, probe in choice.plan() if target.name in there]
    cases = _cases(targets, plan)
    for target in () if is_live else targets:
        if sample_files(store.of(target)):
            cases[target.name].append(Case(target, SAMPLES))
    return Roster(targets, choice.checks, cases, tuple(named), store, is_live)


def _targets_of(patterns: Iterable[str]) -> list[str]:
    return [pattern.partition("::")[0] for pattern in patterns]


def _cases(targets: Iterable[Target], plan: Plan) -> dict[str, list[Case]]:
    """The cases of each target: what it is asked, and the sets of that."""
    cases: dict[str, list[Case]] = {target.name: [] for target in targets}
    for target, probe in plan:
        cases[target.name].append(Case.of(target, probe))
    for target in targets:
        if cases[target.name]:
            cases[target.name].append(Case(target, SETS))
    return cases


def _arguments(config: pytest.Config) -> list[str]:
    """The arguments that are ours: this package, and what looks like an item's id."""
    ids = [word for word in config.args if _is_id(config, word)]
    ours = [*ids, PACKAGE] if config.option.pyargs else ids
    config.args[:] = [word for word in config.args if word not in ours]
    return ids


def _is_id(config: pytest.Config, word: str) -> bool:
    path, _, name = word.partition("::")
    is_file = path.endswith(".py") or (config.invocation_params.dir / path).exists()
    return "/" in path and bool(name) and not is_file


def _choice(config: pytest.Config, patterns: Sequence[str], store: Store) -> Choice:
    options, here = config.option, config.invocation_params.dir
    is_live = options.conformance_live or options.conformance_record
    with usage_errors():
        return choose(
            patterns,
            level=options.conformance_level,
            folder=here / (options.conformance_providers or OWN),
            base_url=options.conformance_base_url,
            model=options.conformance_model,
            key=options.conformance_api_key_env,
            software=options.conformance_software,
            drawing=drawing({"fuzz": None, "seed": None}, store, is_live=is_live),
        )


@contextmanager
def usage_errors() -> Iterator[io.StringIO]:
    """Turn a refusal of the command line's into pytest's; gives what it says besides."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield said
    except SystemExit as stopped:
        raise pytest.UsageError(said.getvalue().strip()) from stopped


def _recorded(targets: Sequence[Target], store: Store, named: Sequence[str]) -> tuple[Target, ...]:
    """The targets of which there is a recording."""
    there = [t for t in targets if store.has(t) or sample_files(store.of(t))]
    missing = [t.name for t in targets if t not in there]
    if named and missing:
        again = f"conformance run {missing[0]} --record"
        raise pytest.UsageError(f"conformance: {missing[0]} was never recorded; do it: {again}")
    if not there:
        raise pytest.UsageError(f"conformance: nothing is recorded in {store.folder}")
    return tuple(there)


def _names(pattern: str, case: Case) -> bool:
    target, _, probe = pattern.partition("::")
    is_named = _is_called(case.target, target) and (not probe or fnmatchcase(case.name, probe))
    return is_named or pattern == case.id  # a model's name may look like a glob


def _is_called(target: Target, pattern: str) -> bool:
    """Whether a target matches; it may be called without the adapter it is behind."""
    prefixes = ("", f"{target.adapter}:") if target.adapter else ("",)
    return any(
        pattern == target.provider.removeprefix(prefix)
        or fnmatchcase(target.name.removeprefix(prefix), pattern)
        for prefix in prefixes
    )
