"""Reports of a run beside its results: the options, and the files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from conformance.cli.common import PLACE, Command, stop
from conformance.cli.common import write as write_text
from conformance.compare.grid import Grid, grid
from conformance.compare.latest import forget
from conformance.results.reading import BadResults, Run, began, find, read


class Report(NamedTuple):
    """One kind of report: what it is for, and what makes it."""

    about: str
    make: Callable[[Grid], str]


def _html(of: Grid) -> str:
    from conformance.report.html import page  # noqa: PLC0415  # jinja2 takes its time

    return page(of)


def _markdown(of: Grid) -> str:
    from conformance.report import markdown  # noqa: PLC0415  # as above

    return markdown.matrix(of)


def _junit(of: Grid) -> str:
    from conformance.report.junit import junit  # noqa: PLC0415  # as above

    return junit(of.told)


def _sarif(of: Grid) -> str:
    from conformance.report.sarif import sarif  # noqa: PLC0415  # as above

    return sarif(of.told)


def _badge(of: Grid) -> str:
    from conformance.report.badge import badge  # noqa: PLC0415  # as above

    return badge(of.told)


REPORTS: Final = {
    "html": Report("Write the matrix as HTML, with the evidence behind every cell.", _html),
    "md": Report("Write a short matrix as Markdown, for a comment or a summary.", _markdown),
    "junit": Report("Write a JUnit file: a test case for each target and check.", _junit),
    "sarif": Report("Write what is broken as SARIF 2.1.0, for code scanning.", _sarif),
    "badge": Report("Write a badge (SVG): how many of the MUST rules held.", _badge),
}


def report_options(command: Command) -> Command:
    """``--html``, ``--md``, ``--junit``, ``--sarif`` and ``--badge``."""
    for name, report in reversed(REPORTS.items()):
        command = click.option(f"--{name}", f"{name}_file", type=PLACE, help=report.about)(command)
    return command


def files(given: Mapping[str, Any]) -> dict[str, Path]:
    """The reports that are asked for, and where they go."""
    return {name: given[f"{name}_file"] for name in REPORTS if given[f"{name}_file"]}


@contextmanager
def results_file(results: Path | None, given: Mapping[str, Any]) -> Iterator[Path | None]:
    """Where results are to be written, if anything is made of them; they may go when that is."""
    if results or not files(given):
        yield results
        return
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        yield Path(folder) / "results.jsonl"


def found(paths: Iterable[Path]) -> list[Path]:
    """The results files that these files and folders are; exits with 2 where one has none."""
    try:
        return find(paths)
    except BadResults as error:
        stop(str(error))


def runs_of(paths: Iterable[Path]) -> list[Run]:
    """The runs in these files and folders; exits with 2 where one can't be read."""
    runs: list[Run] = []
    try:
        for path in sorted(found(paths), key=began):
            runs.append(read(path))
            forget(runs)
    except BadResults as error:
        stop(str(error))
    return runs


def report(results: Path | None, given: Mapping[str, Any]) -> None:
    """Write the reports that are asked for of one results file."""
    if results and files(given):
        write(grid(runs_of([results])), files(given))


def write(of: Grid, places: Mapping[str, Path]) -> None:
    """Write reports, each to its place."""
    for name, path in places.items():
        write_text(path, REPORTS[name].make(of))


def refuse_same(places: Sequence[Path | None], sources: Iterable[Path] = ()) -> None:
    """Exit with 2 where two things would be written to one file, or one over a file that is read.

    Files of results and recordings are not to be had again.
    """
    named = [path.resolve() for path in places if path]
    for path in named:
        if named.count(path) > 1:
            stop(f"{path} is given twice: each report needs a file of its own")
    there = [path for path in named if path.exists()]
    for source in sources if there else ():
        for path in there:
            if source.exists() and path.samefile(source):
                stop(f"{path} is read, and would be written over: name another file")
