"""``conformance report``: a page about a provider, ready to be sent to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from conformance.cli.choosing import OWN
from conformance.cli.common import FOLDER, PLACE, cassettes_option, stop, suggestions, write
from conformance.cli.replaying import replayed
from conformance.cli.reporting import found, refuse_same, runs_of
from conformance.compare.grid import Grid, Line, grid
from conformance.report.terminal import printable
from conformance.results.reading import SUFFIXES

_ADDRESS: Final = re.compile(r"https?://|[\w.-]+:\d+(/|$)")
"""How an endpoint begins that has no file."""


@click.command()
@click.argument("target")
@click.argument("results", nargs=-1, type=click.Path(path_type=Path))
@click.option("--md", "md_file", type=PLACE, help="Write it as Markdown.")
@click.option("--html", "html_file", type=PLACE, help="Write it as one HTML file.")
@cassettes_option
@click.option(
    "--providers",
    "folder",
    type=FOLDER,
    help=f"Your own provider files (TOML).  [default: {OWN}, if it is there]",
)
def report(  # noqa: PLR0913, PLR0917  # one parameter an option
    target: str,
    results: tuple[Path, ...],
    md_file: Path | None,
    html_file: Path | None,
    cassettes: Path,
    folder: Path | None,
) -> None:
    """Tell what works at TARGET, what does not, and what to avoid: a page for whoever runs it.

    TARGET is a provider, of which all models are told about together, or provider/model. RESULTS
    are files that --json wrote, gzipped or not, or folders of them: the newest run of a target is
    told about, and the older ones say since when a rule is broken. Without any, what is recorded
    is replayed. Without --md and --html the Markdown is printed.

    \b
    conformance report vllm --html vllm.html
    conformance report acme/large history/ tonight.jsonl --md acme.md

    Exit codes: 0 written, 2 usage, or nothing is known of TARGET.
    """  # noqa: D301  # click wants the backspace, not its spelling
    _refuse(target, results)
    refuse_same([md_file, html_file], found(results))
    runs = runs_of(results) if results else [replayed([target], cassettes, folder)]
    made = grid(runs)
    lines = _lines(target, made)
    _write(lines, made, md_file, html_file)


def _refuse(target: str, results: Sequence[Path]) -> None:
    """Exit with 2 for words that mean something else than what they would be taken for."""
    if target.endswith(SUFFIXES):
        stop(
            f"TARGET comes first, a provider or provider/model: conformance report TARGET {target}"
        )
    if _ADDRESS.match(target) and not results:
        host = (target.partition("://")[2] or target).partition("/")[0]
        url = target if "://" in target else f"http://{host}/v1"
        ask = f"conformance run --live --base-url {url} --model NAME --json r.jsonl"
        then = f"conformance report {host} r.jsonl"
        stop(f"nothing is recorded of {target}; write its results first: {ask}, then: {then}")


def _lines(target: str, made: Grid) -> Sequence[Line]:
    """The rows that are meant; exits with 2 where nothing is known of them."""
    named = [line for line in made.lines if line.row.target == target]
    lines = named or [line for line in made.lines if line.row.provider == target]
    if not lines:
        rows = [line.row for line in made.lines]
        names = [printable(name) for row in rows for name in (row.provider, row.target)]
        near = suggestions(target, dict.fromkeys(names), "conformance matrix RESULTS")
        stop(f"no run in these files has {target}{near}")
    if not any(line.must.told or line.should.told for line in lines):
        nobody = all(line.row.is_empty for line in lines)
        why = "nobody asked it yet" if nobody else "nothing could be told"
        ask = f"conformance run {target} --live --json results.jsonl"
        stop(f"nothing is known of {target}, because {why}; ask it: {ask}")
    return lines


def _write(lines: Sequence[Line], made: Grid, md_file: Path | None, html_file: Path | None) -> None:
    from conformance.report.provider import page_html, page_md  # noqa: PLC0415  # jinja2 is slow

    if md_file:
        write(md_file, page_md(lines, made))
    if html_file:
        write(html_file, page_html(lines, made))
    if not md_file and not html_file:
        click.echo(page_md(lines, made), nl=False)
