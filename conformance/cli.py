"""The command line: thin, it reads options and holds nothing."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from conformance import __version__, traffic
from conformance.engine import Audit, Checks
from conformance.model import Exchange, Level, Verdict
from conformance.registry import Check, checks
from conformance.report import terminal
from conformance.report.results import ResultsFile
from conformance.report.summary import ORDER, Summary

LEVELS = click.Choice([level.value for level in Level])
NOTHING, FAILED, UNUSABLE = 0, 1, 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="conformance")
def main() -> None:
    """Tell whether an OpenAI-compatible LLM API or adapter really is compatible.

    \b
    conformance audit recordings/          judge recorded traffic, anybody's
    conformance checks                     list every check
    conformance explain chat.response_id   its rule, source and a failing example

    Exit codes: 0 nothing to report, 1 conformance failure, 2 usage, configuration or
    incomplete run.
    """  # noqa: D301  # click wants the backspace, not its spelling


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--only", multiple=True, metavar="GLOB", help="Judge by these checks only.")
@click.option("--skip", multiple=True, metavar="GLOB", help="Leave these checks out.")
@click.option(
    "--level", type=LEVELS, default="should", show_default=True, help="The lowest level to judge."
)
@click.option(
    "--json", "results", type=click.Path(path_type=Path), help="Write results as JSON lines."
)
@click.option(
    "--fail-on",
    type=click.Choice(["must", "should", "news", "never"]),
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
) -> None:
    """Judge recorded traffic of anybody. No key, no network.

    PATHS are files or folders of vcrpy cassettes (YAML or JSON), HAR 1.2 files, or exchanges as
    JSON lines; each may be gzipped. Traffic that isn't OpenAI-shaped is left out and counted.
    What a recorder did not keep is not judged.

    \b
    conformance audit tests/cassettes
    conformance audit session.har --only 'stream.*' --json results.jsonl
    """  # noqa: D301  # as above
    chosen = _chosen(only, skip, Level(level))
    try:
        files = list(traffic.find(paths))
    except OSError as error:
        raise click.UsageError(f"{error.filename}: {error.strerror}") from error
    with ExitStack() as stack:
        writer = ResultsFile(stack.enter_context(_opened(results))) if results else None
        try:
            run, summary = _audit(files, chosen, writer)
        except KeyboardInterrupt:
            _stop("interrupted: what was written so far is not all")
    terminal.audited(Console(highlight=False), run, summary)
    if not run.judged:
        _stop("nothing to judge: no OpenAI-shaped exchange could be read from these paths")
    sys.exit(_exit_code(summary, fail_on))


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error


def _audit(
    files: Sequence[Path], chosen: Sequence[Check], writer: ResultsFile | None
) -> tuple[Audit, Summary]:
    run, summary = Audit(Checks(chosen)), Summary()

    def take(verdicts: Iterator[Verdict]) -> None:
        for verdict in verdicts:
            summary.add(verdict)
            if writer:
                writer.verdict(verdict)

    if writer:
        writer.start("audit", sys.argv[1:])
    with _progress(len(files)) as advance:
        for path in files:
            for item in traffic.read(path):
                if isinstance(item, Exchange):
                    take(run.add(item))
                elif item.foreign:
                    summary.foreign += 1
                else:
                    summary.add_unreadable(str(item))
            advance(path, run.judged)
        take(run.close())
    if writer:
        writer.end(run.read, run.judged, summary.unreadable, run.outcomes)
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


@main.command(name="checks")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.option("--md", type=click.Path(path_type=Path), help="Write the page with examples.")
@click.option("--only", multiple=True, metavar="GLOB", help="List these checks only.")
def list_checks(*, as_json: bool, md: Path | None, only: tuple[str, ...]) -> None:
    """List every check: id, level and rule."""
    from conformance.report import catalogue  # noqa: PLC0415  # only this needs the reference

    chosen = _chosen(only, (), Level.MAY)
    if as_json:
        click.echo(json.dumps([catalogue.entry(check) for check in chosen], indent=1))
    elif md:
        with _opened(md) as file:
            file.write(catalogue.page(chosen))
    else:
        table = terminal.table("check", "level", "rule")
        for check in chosen:
            table.add_row(check.id, check.level, check.rule)
        Console(highlight=False).print(table)


@main.command()
@click.argument("check_id", metavar="ID")
def explain(check_id: str) -> None:
    """Explain one check: its rule, its source, why a client cares, and a failing example."""
    from conformance.report import catalogue  # noqa: PLC0415  # only this needs the reference

    known = checks()
    if check_id not in known:
        _stop(f"no check is called {check_id}{_suggestions(check_id, known)}")
    click.echo(catalogue.explained(known[check_id]))


def _chosen(only: Sequence[str], skip: Sequence[str], level: Level) -> list[Check]:
    """The checks that match; exits with 2 when a pattern matches none."""
    known = checks()
    for pattern in (*only, *skip):
        if not any(fnmatchcase(name, pattern) for name in known):
            _stop(f"no check matches {pattern}{_suggestions(pattern, known)}")
    return [
        check
        for name, check in known.items()
        if ORDER[check.level] <= ORDER[level]
        and (not only or any(fnmatchcase(name, pattern) for pattern in only))
        and not any(fnmatchcase(name, pattern) for pattern in skip)
    ]


def _suggestions(name: str, known: Sequence[str] | Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else "; see: conformance checks"


def _stop(message: str) -> Any:
    click.echo(f"conformance: {message}", err=True)
    sys.exit(UNUSABLE)
