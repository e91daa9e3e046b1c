"""What several commands share: exit codes, options, choosing, and giving up politely."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import click

from conformance.model import Level
from conformance.registry import Check, checks
from conformance.report.summary import ORDER

NOTHING, FAILED, UNUSABLE = 0, 1, 2
LEVELS = click.Choice([level.value for level in Level])
FAIL_ON = click.Choice(["must", "should", "news", "never"])
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class _Place(click.Path):
    """Where a file is to be written: whether that can be is known before anything is asked."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name = os.fspath(value)
        if name == "-":
            self.fail("standard output is for what is printed: name a file", param, ctx)
        if name.endswith(os.sep):
            self.fail(f"{name} is a folder: name a file in it", param, ctx)
        path = super().convert(value, param, ctx)
        why = _hindrance(Path(name))
        if why:
            self.fail(f"{name} can't be written: {why}", param, ctx)
        return path


PLACE = _Place(path_type=Path, dir_okay=False)
"""The type of every option that says where to write."""


def _hindrance(path: Path) -> str | None:
    """Why a file can't be written; None where it can be, as far as can be told."""
    try:
        path = path.resolve()
        folder = path.parent
        if path.exists():
            return None if os.access(path, os.W_OK) else "it is read-only"
        if not folder.is_dir():
            return f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}"
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long
        return getattr(error, "strerror", None) or str(error)
    return None if os.access(folder, os.W_OK | os.X_OK) else f"the folder {folder} is read-only"


Command = TypeVar("Command", bound=Callable[..., Any])


def level_option(command: Command) -> Command:
    """``--level``: the lowest level to judge."""
    add = click.option(
        "--level",
        type=LEVELS,
        default="should",
        show_default=True,
        help="The lowest level to judge.",
    )
    return add(command)


def json_option(command: Command) -> Command:
    """``--json``: where results go."""
    help_text = "Write results as JSON lines."
    return click.option("--json", "results", type=PLACE, help=help_text)(command)


def cassettes_option(command: Command) -> Command:
    """``--cassettes``: where recordings are."""
    add = click.option(
        "--cassettes",
        type=FOLDER,
        default=Path("cassettes"),
        show_default=True,
        help="Where recordings are.",
    )
    return add(command)


def of_level(chosen: Iterable[Check], level: Level) -> list[Check]:
    """The checks of this level and above."""
    return [check for check in chosen if ORDER[check.level] <= ORDER[level]]


def choose_checks(only: Sequence[str], skip: Sequence[str], level: Level) -> list[Check]:
    """The checks that match; exits with 2 when a pattern matches none."""
    known = checks()
    for pattern in (*only, *skip):
        refuse_unknown(pattern, known, "check", "conformance checks")
    chosen = of_level((known[name] for name in known if matches(name, only, skip)), level)
    if not chosen:
        stop(f"no check is left: --only, --skip and --level {level} leave out all")
    return chosen


def matches(name: str, only: Sequence[str], skip: Sequence[str]) -> bool:
    """Whether ``name`` is wanted: in ``only``, where that says anything, and not in ``skip``."""
    wanted = not only or any(fnmatchcase(name, pattern) for pattern in only)
    return wanted and not any(fnmatchcase(name, pattern) for pattern in skip)


def refuse_unknown(pattern: str, known: Iterable[str], what: str, listing: str) -> None:
    """Exit with 2, and suggestions, when ``pattern`` matches nothing."""
    names = list(known)
    if not any(fnmatchcase(name, pattern) for name in names):
        stop(f"no {what} matches {pattern}{suggestions(pattern, names, listing)}")


def suggestions(name: str, known: Iterable[str], listing: str) -> str:
    """What may have been meant, else where to look."""
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else f"; see: {listing}"


class _Named(io.FileIO):
    """A file whose errors name it: that a disk is full does not say which."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self.name
            raise


def opened(path: Path, *, by_line: bool = False) -> IO[str]:
    """A file to write text to; ``by_line`` for each to be on the disk as soon as it is whole.

    Exits with 2 where it can't be opened. Errors that come later name the file.
    """
    try:
        raw = io.BufferedWriter(_Named(path, "w"))
    except OSError as error:
        stop(f"{path}: {error.strerror}")
    return io.TextIOWrapper(raw, encoding="utf-8", line_buffering=by_line)


def write(path: Path, text: str) -> None:
    """Write a report, and say so where it does not mix with what is printed."""
    with opened(path) as file:
        file.write(text.encode("utf-8", "backslashreplace").decode())
    click.echo(f"wrote {path}", err=True)


def stop(message: str) -> NoReturn:
    """Say why there is no going on, and exit with 2."""
    click.echo(f"conformance: {message}", err=True)
    sys.exit(UNUSABLE)
