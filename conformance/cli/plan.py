"""``conformance plan``: what a live run would send, before anything is sent."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from conformance.cli.choosing import choice_options, choose, endpoint_options
from conformance.cli.common import stop
from conformance.planning import Planned, planned
from conformance.report import terminal
from conformance.report.terminal import printable, table


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@endpoint_options
@choice_options
@click.option("--repeat", type=click.IntRange(1, 99), default=1, help="Asking everything K times.")
@click.option("--probes", "in_detail", is_flag=True, help="List every probe, not only the sums.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def plan(  # noqa: PLR0913  # one parameter an option
    *,
    targets: tuple[str, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    quick: bool,
    folder: Path | None,
    base_url: str | None,
    model: str | None,
    key: str | None,
    repeat: int,
    in_detail: bool,
    as_json: bool,
) -> None:
    """Print requests and token ceilings per target. Nothing is sent.

    A ceiling counts every prompt and the longest answer each request allows; retries come on top.
    With --only and --skip, checks choose what is judged, and probes what is asked: which probes
    show a check is not known before they are asked, so that checks alone leave out none.

    \b
    conformance plan 'lambda_ai/*'
    conformance plan openai/gpt-4o-mini --only 'stream.*' --probes
    """  # noqa: D301  # click wants the backspace, not its spelling
    choice = choose(
        targets,
        only=only,
        skip=skip,
        quick=quick,
        folder=folder,
        base_url=base_url,
        model=model,
        key=key,
    )
    by_target: dict[str, list[Planned]] = defaultdict(list)
    for one in asyncio.run(planned(choice.plan())):
        by_target[one.target.name].append(one)
    if not by_target:
        stop("nothing would be asked: no probe that was chosen suits these targets")
    if as_json:
        click.echo(json.dumps([_entry(n, members, repeat) for n, members in by_target.items()]))
        return
    grid = table("target", "probes", "requests", "tokens at most")
    for name, members in by_target.items():
        for one in members if in_detail else ():
            grid.add_row(printable(f"{name}::{one.probe.id}"), "", *_sums([one], repeat))
        grid.add_row(printable(name), str(len(members)), *_sums(members, repeat))
    total = [one for members in by_target.values() for one in members]
    if len(by_target) > 1:
        grid.add_row("all", str(len(total)), *_sums(total, repeat), style="bold")
    terminal.console().print(grid)


def _sums(members: list[Planned], repeat: int) -> tuple[str, str]:
    requests = sum(one.requests for one in members) * repeat
    tokens = sum(one.tokens for one in members) * repeat
    return f"{requests:,}", f"{tokens:,}"


def _entry(name: str, members: list[Planned], repeat: int) -> dict[str, Any]:
    probes = [
        {"probe": one.probe.id, "requests": one.requests * repeat, "tokens": one.tokens * repeat}
        for one in members
    ]
    return {
        "target": name,
        "requests": sum(one.requests for one in members) * repeat,
        "tokens": sum(one.tokens for one in members) * repeat,
        "probes": probes,
    }
