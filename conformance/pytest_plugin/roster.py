"""Which items there are: said by the options, the same in every process of a run."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import pytest

from conformance.cli.choosing import OWN, Choice, choose
from conformance.cli.fuzzing import drawing
from conformance.plugin import PACKAGE
from conformance.probe import Probe
from conformance.registry import Check
from conformance.routes.replay import Store
from conformance.samples import sample_files
from conformance.targets import Target

SETS: Final = "sets"
"""The item that compares the exchanges of a target's probes with each other."""
SAMPLES: Final = "samples"
"""The item that judges the exchanges in a target's folder that no probe asked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """What one item is about: a probe at a target, its sets or its samples."""

    target: Target
    name: str
    probe: Probe | None = None

    @property
    def id(self) -> str:
        """``provider/model::name``."""
        return f"{self.target.name}::{self.name}"

    @property
    def stage(self) -> int:
        """Before the others come the probes that open an area, as in a run without pytest."""
        if self.probe is None:
            return 2 if self.name == SETS else 3
        return 0 if self.probe.opens else 1


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
    is_live: bool

    def chosen(self, target: Target) -> list[Case]:
        """The cases of a target that were asked for."""
        cases = self.cases[target.name]
        return [case for case in cases if not self.patterns or self._is_named(case)]

    def probes(self, target: Target) -> list[Probe]:
        """The probes of a target, those that open an area first."""
        cases = sorted(self.cases[target.name], key=lambda case: case.stage)
        return [case.probe for case in cases if case.probe]

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
    options, here = config.option, config.invocation_params.dir
    is_live = options.conformance_live or options.conformance_record
    given = [word for word in options.conformance if word]
    named = [*given, *_arguments(config)]
    store = Store(here / options.conformance_cassettes)
    choice = _choice(config, [pattern.partition("::")[0] for pattern in named], store)
    if is_live and not (named or options.conformance_base_url):
        raise pytest.UsageError("conformance: say who is to be asked: --conformance TARGET")
    if options.conformance_record and not named:
        raise pytest.UsageError("conformance: only a TARGET that has a file can be recorded")
    targets = choice.targets if is_live else _recorded(choice.targets, store, named)
    cases = _cases(targets, choice, None if is_live else store)
    made = Roster(targets, choice.checks, cases, tuple(named), store, is_live)
    for pattern in named:
        if not any(_names(pattern, case) for members in cases.values() for case in members):
            raise pytest.UsageError(f"conformance: {pattern} names no probe: see conformance plan")
    return made


def _cases(targets: Iterable[Target], choice: Choice, store: Store | None) -> dict[str, list[Case]]:
    """The cases of each target, the probes first; ``store`` says what there is to replay."""
    cases: dict[str, list[Case]] = {target.name: [] for target in targets}
    for target, probe in choice.plan():
        if target.name in cases and (store is None or store.has(target)):
            cases[target.name].append(Case(target, probe.id, probe))
    for target in targets:
        if cases[target.name]:
            cases[target.name].append(Case(target, SETS))
        if store and sample_files(store.of(target)):
            cases[target.name].append(Case(target, SAMPLES))
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
def usage_errors() -> Iterator[None]:
    """Turn a refusal of the command line's into pytest's."""
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
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
    is_target = target == case.target.provider or fnmatchcase(case.target.name, target)
    is_named = is_target and (not probe or fnmatchcase(case.name, probe))
    return is_named or pattern == case.id  # a model's name may look like a glob
