"""``conformance audit``: judge recorded traffic of anybody."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from conformance import traffic
from conformance.account import Account
from conformance.cli.common import (
    FAIL_ON,
    FAILED,
    NOTHING,
    choose_checks,
    json_option,
    level_option,
    opened,
    stop,
)
from conformance.cli.reporting import files as report_files
from conformance.cli.reporting import refuse_same, report, report_options, results_file
from conformance.engine import Audit, Checks
from conformance.model import Exchange, Level, Verdict
from conformance.registry import Check
from conformance.report import terminal
from conformance.report.summary import Summary
from conformance.results.writing import ResultsFile


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--only", multiple=True, metavar="GLOB", help="Judge by these checks only.")
@click.option("--skip", multiple=True, metavar="GLOB", help="Leave these checks out.")
@level_option
@json_option
@report_options
@click.option(
    "--fail-on",
    type=FAIL_ON,
    default="news",
    show_default=True,
    help="What makes the exit code 1. News is a MUST finding that is not a known failure; "
    "recorded traffic has no known failures, so here it is any MUST finding.",
)
def audit(  # noqa: PLR0913, PLR0917  # one parameter an option
    paths: tuple[Path, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    level: str,
    results: Path | None,
    fail_on: str,
    **given: Any,
) -> None:
    """Judge recorded traffic of anybody. No key, no network.

    PATHS are files or folders of vcrpy cassettes (YAML or JSON), HAR 1.2 files, or exchanges as
    JSON lines; each may be gzipped. Traffic that isn't OpenAI-shaped is left out and counted.
    What a recorder did not keep is not judged.

    \b
    conformance audit tests/cassettes
    conformance audit session.har --only 'stream.*' --json results.jsonl
    """  # noqa: D301  # as above
    chosen = choose_checks(only, skip, Level(level))
    try:
        files = list(traffic.find(paths))
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
    refuse_same([results, *report_files(given).values()], files)
    with ExitStack() as stack:
        written = stack.enter_context(results_file(results, given))
        writer = (
            ResultsFile(stack.enter_context(opened(written, by_line=True))) if written else None
        )
        try:
            run, summary = _audit(files, chosen, writer)
        except KeyboardInterrupt:
            stop("interrupted: what was written so far is not all")
        terminal.audited(terminal.console(), run, summary)
        report(written, given)
    if not run.judged:
        stop("nothing to judge: no OpenAI-shaped exchange could be read from these paths")
    sys.exit(_exit_code(summary, fail_on))


def _audit(
    files: Sequence[Path], chosen: Sequence[Check], writer: ResultsFile | None
) -> tuple[Audit, Summary]:
    account = Account(writer)
    run, summary = Audit(Checks(chosen)), Summary()

    def take(verdicts: Iterator[Verdict]) -> None:
        for verdict in verdicts:
            summary.add(verdict)
            account.verdict(verdict)

    if writer:
        writer.start("audit", sys.argv[1:])
    with _progress(len(files)) as advance:
        for path in files:
            for item in traffic.read(path):
                if isinstance(item, Exchange):
                    account.saw(item)
                    take(run.add(item))
                elif item.foreign:
                    summary.foreign += 1
                else:
                    summary.add_unreadable(str(item))
            advance(path, run.judged)
        take(run.close())
    if writer:
        account.strangers()
        counts = run.read, run.judged, summary.unreadable, run.outcomes
        writer.end(*counts, whole=run.checks.leave_none_out)
    return run, summary


@contextmanager
def _progress(total: int) -> Iterator[Any]:
    """A bar on standard error while it is a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=total)

        def advance(path: Path, judged: int) -> None:
            done = f"{terminal.printable(path.name)}: {judged:,} replies judged"
            bar.update(task, advance=1, description=done)

        yield advance


def _exit_code(summary: Summary, fail_on: str) -> int:
    levels = {"never": [], "should": [Level.MUST, Level.SHOULD]}.get(fail_on, [Level.MUST])
    return FAILED if any(summary.failures[level] for level in levels) else NOTHING
