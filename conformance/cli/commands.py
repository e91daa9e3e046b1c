"""The group of all commands: whatever happens, its exit code says what it is documented to say."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress
from typing import Any, Final, NoReturn

import click

from conformance.cli.common import NOTHING, UNUSABLE
from conformance.report.terminal import printable

DEBUG: Final = "CONFORMANCE_DEBUG"
"""The variable that has the traceback of what should not happen printed."""
SHOWN: Final = 300
"""Characters of an error that are shown."""


class Commands(click.Group):
    """Python and click end what they did not expect with 1, which says that an API fails."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Do what the words say, and exit."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **extra | {"standalone_mode": False}) or NOTHING
        except click.ClickException as error:
            error.show()
            code = UNUSABLE
        except click.Abort:
            click.echo("conformance: interrupted", err=True)
            code = UNUSABLE
        except Exception as error:  # noqa: BLE001  # it must not look like a failure of an API
            code = _unexpected(error)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Click ends a broken pipe by itself, and with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            sys.exit(_unexpected(error))


def _unexpected(error: Exception) -> int:
    """Say in a sentence what went wrong; its exit code."""
    if isinstance(error, OSError) and error.filename:
        said = f"{error.filename}: {error.strerror}"
    elif isinstance(error, BrokenPipeError):
        said = ""  # whoever was reading has read enough
    else:
        what = f"{type(error).__name__}: {error}"[:SHOWN]
        said = f"this should not happen: {what}; for the traceback, set {DEBUG}=1"
    _leave_output()
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if said:
        click.echo(f"conformance: {printable(said)}", err=True)
    return UNUSABLE


def _leave_output() -> None:
    """Where standard output can't be written, have Python not try again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):  # one that is no file of the system's has nothing to leave
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
