"""Choosing an adapter and the targets behind it; shared by the commands that are about one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import reduce
from importlib import metadata
from pathlib import Path
from typing import Final, NoReturn

import click

from conformance.adapter_file import Adapter, load, read
from conformance.baseline import FOLDER, behind
from conformance.cli.common import FILE, Command, stop, suggestions
from conformance.targets import BadProvider, Target

OURS: Final = "llm-api-conformance"
"""The distribution that this is part of; the extras of it bring adapters."""
OWN = Path("adapters")
"""Where a user's own adapter files are looked for, under the current folder."""


def adapter_option(command: Command) -> Command:
    """``--adapter``: which one to go through."""
    help_text = "Go through this adapter, offline."
    return click.option("--adapter", metavar="NAME", help=help_text)(command)


def adapter_options(command: Command) -> Command:
    """``--adapters`` and ``--served``."""
    options: list[Callable[[Command], Command]] = [
        click.option(
            "--adapters",
            "adapter_folder",
            type=click.Path(path_type=Path, file_okay=False, exists=True),
            help=f"Your own adapter files (TOML).  [default: {OWN}, if it is there]",
        ),
        click.option(
            "--served",
            is_flag=True,
            help="Lead an adapter that is a function to a server on 127.0.0.1, instead of "
            "answering it in process.",
        ),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)


def baseline_option(command: Command) -> Command:
    """``--baseline``: what an adapter is compared with."""
    return click.option(
        "--baseline",
        type=FILE,
        help=f"What is known of the adapter.  [default: {FOLDER}/NAME.toml, if it is there]",
    )(command)


def the_adapter(name: str, folder: Path | None) -> Adapter:
    """The adapter of this name; exits with 2, and suggestions, where there is none."""
    files = load([folder or OWN])
    if name not in files:
        near = suggestions(name, files, f"{OWN}/*.toml, conformance run --help")
        stop(f"no adapter is called {name}{near}")
    try:
        return read(files[name])
    except BadProvider as error:
        stop(str(error))


def not_there(adapter: Adapter, error: Exception) -> NoReturn:
    """Say why an adapter can't be asked, and how its package is installed where it is not."""
    name = adapter.distribution
    if name and name not in _installed():
        is_extra = name in _installed().get(OURS, ())
        package = f"'{OURS}[{name}]'" if is_extra else name
        stop(f"{error}: pip install {package}")
    stop(str(error))


def _installed() -> dict[str, list[str]]:
    """The distributions that are installed, with their extras."""
    return {
        one.name: one.metadata.get_all("Provides-Extra") or [] for one in metadata.distributions()
    }


def behind_it(adapter: Adapter, patterns: Sequence[str]) -> list[Target]:
    """The targets behind an adapter that match, with its name before theirs or without it.

    Exits with 2, and suggestions, for a pattern that matches none.
    """
    for pattern in patterns:
        if not any(_matches(target, pattern) for target in adapter.targets):
            names = [behind(target) for target in adapter.targets]
            names += [name.partition("/")[0] for name in names]
            near = suggestions(
                pattern, dict.fromkeys(names), f"the adapter's file, {adapter.name}.toml"
            )
            stop(f"no target behind {adapter.name} matches {pattern}{near}")
    return [t for t in adapter.targets if not patterns or any(_matches(t, p) for p in patterns)]


def _matches(target: Target, pattern: str) -> bool:
    names = (target.name, behind(target), target.provider, target.provider.partition(":")[2])
    return pattern in names or any(fnmatchcase(name, pattern) for name in names[:2])
