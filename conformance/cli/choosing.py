"""Which targets, probes and checks a command is about; shared by ``run`` and ``plan``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import click

from conformance.cli.common import FOLDER, Command, matches, of_level, refuse_unknown, stop
from conformance.model import Level
from conformance.probe import Probe, probes
from conformance.registry import Check, checks
from conformance.targets import BadProvider, Target, endpoint, load, select

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

    def plan(self) -> list[tuple[Target, Probe]]:
        """Every probe that suits a target, with the target."""
        return [
            (target, probe)
            for target in self.targets
            if self.asked is None or target.name in self.asked
            for probe in self.probes
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
) -> Choice:
    """What the options say; exits with 2 where they say nothing that exists."""
    chosen = _targets(patterns, folder, base_url, model, key)
    if software:
        chosen = [replace(target, software=software) for target in chosen]
    known_probes, known_checks = probes(), checks()
    for pattern in (*only, *skip):
        names = {**known_probes, **known_checks}
        refuse_unknown(pattern, names, "check or probe", "conformance checks, conformance plan")
    asking = [known_probes[name] for name in _about(only, skip, list(known_probes))]
    judging = [known_checks[name] for name in _about(only, skip, list(known_checks))]
    whole = not (only or skip)
    return Choice(tuple(chosen), tuple(asking), tuple(of_level(judging, Level(level))), whole)


def _about(only: Sequence[str], skip: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that are wanted; a pattern that is about none of them leaves them alone."""
    about = [pattern for pattern in only if any(matches(name, [pattern], ()) for name in names)]
    return [name for name in names if matches(name, about, skip)]


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
    except BadProvider as error:
        stop(str(error))
    except LookupError as error:
        names = [name for members in targets.values() for name in (t.name for t in members)]
        refuse_unknown(str(error.args[0]), names, "target", "conformance plan")
        raise
    return [replace(t, at=base_url) for t in chosen] if base_url else chosen


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
    """``--only``, ``--skip`` and ``--providers``."""
    options: list[Callable[[Command], Command]] = [
        click.option("--only", multiple=True, metavar="GLOB", help="These checks or probes only."),
        click.option("--skip", multiple=True, metavar="GLOB", help="Not these checks or probes."),
        click.option(
            "--providers",
            "folder",
            type=FOLDER,
            help=f"Your own provider files (TOML).  [default: {OWN}, if it is there]",
        ),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)
