"""Which targets, probes and checks a command is about; shared by ``run`` and ``plan``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path

import click

from conformance.cli.common import (
    Command,
    matches,
    of_level,
    refuse_unknown,
    stop,
    suggestions,
)
from conformance.model import Level
from conformance.planning import fewest
from conformance.probe import Probe, probes
from conformance.provider_file import load
from conformance.registry import Check, checks
from conformance.targets import BadProvider, Target, a_base_url, endpoint, select

OWN = Path("providers")
"""Where a user's own provider files are looked for, under the current folder."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen; ``whole`` when nothing was left out."""

    targets: tuple[Target, ...]
    probes: tuple[Probe, ...]
    checks: tuple[Check, ...]
    whole: bool
    asked: frozenset[str] | None = None
    """The names of the targets that probes are about; all of them when None."""
    absent: tuple[Target, ...] = ()
    """The targets of which nothing is recorded, where recordings are looked for."""
    own: Mapping[str, Sequence[Probe]] = field(default_factory=dict)
    """The probes that only the target of this name is asked."""
    checks_only: bool = False
    """Whether what was named are checks, so that every probe is asked all the same."""

    def plan(self) -> list[tuple[Target, Probe]]:
        """Every probe that suits a target, with the target."""
        return [
            (target, probe)
            for target in self.targets
            if self.asked is None or target.name in self.asked
            for probe in (*self.probes, *self.own.get(target.name, ()))
            if probe.suits(target)
        ]


def choose(  # noqa: PLR0913  # they are options
    patterns: Sequence[str],
    *,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    level: str = "should",
    folder: Path | None = None,
    base_url: str | None = None,
    model: str | None = None,
    key: str | None = None,
    software: str | None = None,
    quick: bool = False,
    drawing: Callable[[Target], Sequence[Probe]] = lambda _: (),
    among: Sequence[Target] | None = None,
) -> Choice:
    """What the options say; exits with 2 where they say nothing that exists.

    ``drawing`` gives the probes that only one target is asked; ``among`` are the targets where
    they are chosen already.
    """
    chosen = _targets(patterns, folder, base_url, model, key) if among is None else list(among)
    if software:
        chosen = [replace(target, software=software) for target in chosen]
    drawn = {target.name: drawing(target) for target in chosen}
    own = {probe.id: probe for members in drawn.values() for probe in members}
    known_probes, known_checks = {**probes(), **own}, checks()
    for pattern in (*only, *skip):
        names = {**known_probes, **known_checks}
        refuse_unknown(pattern, names, "check or probe", "conformance checks, conformance plan")
    wanted = set(_about(only, skip, list(known_probes)))
    asking = [probe for probe in probes().values() if probe.id in wanted]
    drawn = {name: [p for p in members if p.id in wanted] for name, members in drawn.items()}
    judging = [known_checks[name] for name in _about(only, skip, list(known_checks))]
    if quick:
        asking = asyncio.run(fewest(asking, judging))
    whole = not (only or skip or quick)
    judged = of_level(judging, Level(level))
    if not judged:
        stop(f"no check is left: --only, --skip and '--level {level}' leave out all of them")
    checks_only = bool(only) and not quick and not _fitting(only, list(known_probes))
    return Choice(
        tuple(chosen), tuple(asking), tuple(judged), whole, own=drawn, checks_only=checks_only
    )


def _about(only: Sequence[str], skip: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that are wanted; a pattern that is about none of them leaves them alone."""
    return [name for name in names if matches(name, _fitting(only, names), skip)]


def _fitting(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    """The patterns that are about any of these names."""
    return [pattern for pattern in patterns if any(matches(name, [pattern], ()) for name in names)]


def _targets(
    patterns: Sequence[str],
    folder: Path | None,
    base_url: str | None,
    model: str | None,
    key: str | None,
) -> list[Target]:
    try:
        targets = load([folder or OWN])
        if base_url and not patterns:
            if not model:
                stop("--base-url needs --model NAME: the model to ask for")
            return [endpoint(base_url, model, key)]
        if model:
            stop("--model goes with --base-url; name a target as provider/model")
        chosen = select(targets, patterns)
        return [replace(t, at=a_base_url(base_url)) for t in chosen] if base_url else chosen
    except BadProvider as error:
        stop(str(error))
    except LookupError as error:
        names = [*targets, *(t.name for members in targets.values() for t in members)]
        near = suggestions(error.args[0], names, "conformance plan")
        stop(f"no target matches {error.args[0]}{near}")


def endpoint_options(command: Command) -> Command:
    """``--base-url``, ``--model`` and ``--api-key-env``: any endpoint, without a file."""
    options: list[Callable[[Command], Command]] = [
        click.option("--base-url", metavar="URL", help="Ask this endpoint, without a file for it."),
        click.option("--model", metavar="NAME", help="The model to ask for there."),
        click.option(
            "--api-key-env", "key", metavar="VAR", help="The environment variable with its key."
        ),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)


def choice_options(command: Command) -> Command:
    """``--only``, ``--skip``, ``--quick`` and ``--providers``."""
    options: list[Callable[[Command], Command]] = [
        click.option(
            "--only",
            multiple=True,
            metavar="GLOB",
            help="These checks or probes only. Checks choose what is judged, probes what is asked: "
            "without a probe, all of them are.",
        ),
        click.option("--skip", multiple=True, metavar="GLOB", help="Not these checks or probes."),
        click.option(
            "--quick", is_flag=True, help="Few probes, which give every MUST check its say."
        ),
        click.option(
            "--providers",
            "folder",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help=f"Your own provider files (TOML).  [default: {OWN}, if it is there]",
        ),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)
