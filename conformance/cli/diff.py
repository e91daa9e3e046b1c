"""``conformance diff``: what changed from one run to another."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from conformance.cli.common import FAIL_ON, FAILED, NOTHING, PLACE, stop, write
from conformance.cli.reporting import found as files_of
from conformance.cli.reporting import refuse_same
from conformance.compare.changes import Changes, changes
from conformance.compare.newest import begun, newest
from conformance.model import Level
from conformance.report import terminal
from conformance.report.changes.document import document
from conformance.report.changes.markdown import markdown
from conformance.report.changes.terminal import show
from conformance.results.reading import BadResults, Run, read


@click.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--md", "page", type=PLACE, help="Also write it as Markdown, for a comment.")
@click.option("--json", "data", type=PLACE, help="Also write it as one JSON object.")
@click.option(
    "--fail-on",
    type=FAIL_ON,
    default="news",
    show_default=True,
    help="What makes the exit code 1. News is a MUST failure nobody knew of that OLD does not "
    "have, behind an adapter a SHOULD failure too; must and should also count those that are "
    "known. What stays never counts.",
)
def diff(old: Path, new: Path, page: Path | None, data: Path | None, fail_on: str) -> None:
    """Tell what changed from OLD to NEW, grouped by what causes it.

    Each is a results file, as --json writes it, gzipped or not, or a folder of them: of each
    target its newest run counts, of a folder OLD the newest that began before NEW.

    \b
    conformance diff yesterday.jsonl today.jsonl
    conformance diff history/ today.jsonl --md "$GITHUB_STEP_SUMMARY"
    conformance diff history/ history/           the newest run against the one before

    Exit codes: 0 no new failure, 1 new failures, 2 unusable or incomplete files, or nothing that
    could be compared.
    """  # noqa: D301  # click wants the backspace, not its spelling
    older, newer = _files(old), _files(new)
    refuse_same([page, data], [*older, *newer])
    before, after = _runs(older), _runs(newer)
    found = changes(_older(old, before, after), newest(after))
    show(terminal.console(), found)
    if page:
        write(page, markdown(found))
    if data:
        write(data, json.dumps(document(found), indent=1) + "\n")
    _refuse(found)
    sys.exit(_exit_code(found, fail_on))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        stop(f"{path} is not there; write results with: conformance run --json FILE")
    return files_of([path])


def _runs(files: Iterable[Path]) -> list[Run]:
    try:
        return [read(file) for file in files]
    except BadResults as error:
        stop(str(error))


def _older(path: Path, runs: Sequence[Run], after: Sequence[Run]) -> Run:
    """What is compared with: a file as it is, of a folder what began before the new runs."""
    if not path.is_dir():
        return newest(runs)
    earlier = newest(runs, before=begun(after), complete_first=True)
    if not earlier.rows:
        stop(f"{path}: no run in it began before the new one: name an older file as OLD")
    return earlier


def _refuse(found: Changes) -> None:
    """Exit with 2 where a result would claim more than was seen."""
    if not found.targets:
        stop("nothing compared: OLD and NEW have no target in common")
    if not found.is_comparison:
        stop("nothing compared: no rule was told in both; see the reasons with: conformance run")
    if not found.new.complete:
        stop(f"{found.new.path}: incomplete, so this is not all: let its run end, or --resume it")


def _exit_code(found: Changes, fail_on: str) -> int:
    if fail_on == "never":
        return NOTHING
    if fail_on == "news":
        return FAILED if found.news() else NOTHING
    return FAILED if found.failures(Level(fail_on)) else NOTHING
