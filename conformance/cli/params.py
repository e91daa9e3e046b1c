"""``conformance params``: what becomes of every parameter, documented, declared and measured."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from conformance.adapting import identity
from conformance.cli.adapting import (
    adapter_option,
    adapter_options,
    behind_it,
    not_there,
    the_adapter,
)
from conformance.cli.choosing import OWN, choose
from conformance.cli.common import PLACE, cassettes_option, json_option, opened, stop, write
from conformance.cli.measuring import Behind, Measurement, plan_of, recorded
from conformance.cli.progress import Bar
from conformance.cli.reporting import refuse_same
from conformance.report import parameters, terminal
from conformance.report.terminal import printable
from conformance.results.writing import ResultsFile
from conformance.routes.replay import Store
from conformance.targets import BadProvider, Target


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@adapter_option
@adapter_options
@click.option(
    "--globally",
    is_flag=True,
    help="Tell the adapter to drop by its settings, not by each request.",
)
@click.option(
    "--providers",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help=f"Your own provider files (TOML).  [default: {OWN}, if it is there]",
)
@cassettes_option
@json_option
@click.option("--md", type=PLACE, help="Write the whole table as Markdown.")
def params(**given: Any) -> None:
    """Say what becomes of every parameter: documented, declared, and measured.

    With --adapter, each parameter is sent through an adapter by itself, offline, and looked for in
    what arrives at the provider: with dropping off, then on. TARGET is a provider behind the
    adapter, provider/model, or a glob of it. Without --adapter, the recordings of targets tell
    what was honoured, ignored or rejected.

    \b
    conformance params --adapter litellm
    conformance params --adapter litellm 'anthropic/*' bedrock --json params.jsonl
    conformance params --adapter our_gateway --adapters ci/adapters --md params.md
    conformance params vllm

    \b
    forwarded        by its own name, with its value
    renamed          with its value, by another name or in another place
    translated       in another form; a stream that is asked for whole and passed on as one, too
    sent by default  the same with and without it
    changed          with another value
    raised           refused by the adapter
    dropped          left out, as the adapter was told to do
    lost             left out, and nobody was told
    dead             not even a request without parameters is taken

    Exit codes: 0 measured, 2 usage, or nothing measured.
    """  # noqa: D301  # click wants the backspace, not its spelling
    refuse_same([given["results"], given["md"]])
    if given["globally"] and not given["adapter"]:
        stop("--globally is about an adapter: add --adapter NAME")
    try:
        title, made = _adapter(given) if given["adapter"] else _recordings(given)
    except (BadProvider, OSError) as error:
        stop(str(error))
    except KeyboardInterrupt:
        stop("interrupted: nothing is written")
    if made.cells:
        parameters.table(terminal.console(), made.cells, made.undeclared)
    _write(given, title, made)
    for problem in made.problems:
        click.echo(f"incomplete: {printable(problem)}", err=True)
    if not made.cells:
        stop("nothing was measured: no answer came")


def _adapter(given: dict[str, Any]) -> tuple[str, Measurement]:
    adapter = the_adapter(given["adapter"], given["adapter_folder"])
    targets = behind_it(adapter, given["targets"])
    if given["globally"] and not (adapter.dropping and adapter.dropping.settings):
        stop(f"{adapter.name}'s file names no settings that make it drop: see [dropping]")
    measuring = Behind(adapter, targets, given)
    try:
        with Bar(len(targets) * len(measuring.modes)) as bar:
            return identity.software(adapter), measuring.measure(bar.done)
    except (BadProvider, OSError) as error:
        not_there(adapter, error)


def _recordings(given: dict[str, Any]) -> tuple[str, Measurement]:
    store = Store(given["cassettes"])
    chosen = choose(given["targets"], folder=given["folder"]).targets
    targets = [target for target in chosen if store.has(target)]
    if not targets:
        stop(_unrecorded(chosen, given))
    with Bar(len(plan_of(targets))) as bar:
        return "recorded targets", asyncio.run(recorded(store, targets, bar.done))


def _unrecorded(chosen: Sequence[Target], given: dict[str, Any]) -> str:
    record = f"conformance run {chosen[0].name} --record" if given["targets"] else "--adapter NAME"
    return f"nothing of these targets is recorded in {given['cassettes']}; try {record}"


def _write(given: dict[str, Any], title: str, made: Measurement) -> None:
    if given["results"]:
        with opened(given["results"]) as file:
            writer = ResultsFile(file)
            writer.start("params", sys.argv[1:])
            for cell in made.cells:
                writer.line(parameters.line(cell))
            for problem in made.problems:
                writer.problem(problem)
            writer.end(made.exchanges, made.exchanges, 0, {}, whole=False)
    if given["md"]:
        write(given["md"], parameters.page(made.cells, made.undeclared, title))
