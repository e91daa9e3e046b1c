"""``conformance run --adapter``: what an adapter changed, for whom, and whose fault it is."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from rich.console import Console
from rich.text import Text

from conformance import baseline
from conformance.adapter_file import Adapter
from conformance.adapting import adapted, identity
from conformance.baseline import FOLDER, Baseline
from conformance.blame import ADAPTER, BOTH, PROVIDER
from conformance.cli.adapting import behind_it, not_there, the_adapter
from conformance.cli.choosing import choose
from conformance.cli.common import FAILED, NOTHING, UNUSABLE, opened, stop
from conformance.cli.measuring import Measurement, declared_by, table_of
from conformance.cli.progress import Bar
from conformance.cli.reporting import files, refuse_same, report, results_file
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.gate import Gate, plan_of
from conformance.model import Verdict
from conformance.report import matrix, parameters, terminal
from conformance.report.evidence import both_sides
from conformance.report.terminal import printable
from conformance.results.writing import ResultsFile
from conformance.session import Session
from conformance.targets import BadProvider

SHOWN: Final = 10
"""Failures that are shown from both sides."""

NOT_WITH: Final = ("live", "record", "base_url", "resume", "fuzz", "learning")
"""The options that are about providers that are asked."""
FAULTS: Final = {
    ADAPTER: "the adapter's fault",
    PROVIDER: "the provider's fault, passed on",
    BOTH: "the fault of both",
}


def gate(given: dict[str, Any]) -> NoReturn:
    """Run through an adapter, print what came of it, and exit."""
    for option in NOT_WITH:
        if given[option]:
            named = option.removesuffix("ing").replace("_", "-")
            stop(f"an adapter is asked offline: leave out --{named}")
    adapter = the_adapter(given["adapter"], given["adapter_folder"])
    with ExitStack() as stack:
        writer = None
        known = given["baseline"] or FOLDER / f"{adapter.name}.toml"
        refuse_same([given["results"], *files(given).values()], [known])
        written = stack.enter_context(results_file(given["results"], given))
        if written:
            writer = ResultsFile(stack.enter_context(opened(written, by_line=True)))
            writer.start("adapter", sys.argv[1:])
        made, table, whole = asked(adapter, known_of(adapter, given["baseline"]), given, writer)
        if not made.session.problems:
            made.session.news += made.news(adapter.targets, today(), whole=whole)
        for cell in table.cells:
            made.session.line(parameters.line(cell))
        made.session.close(whole=whole)
        console = terminal.console()
        _print(console, made, table, given["fail_on"])
        report(written, given)
    matrix.verdict(console, made.session.board, made.session.problems)
    if not made.session.audit.judged:
        stop("nothing was judged: no reply came that could be")
    if made.session.problems:
        sys.exit(UNUSABLE)
    sys.exit(FAILED if made.session.failed(given["fail_on"]) else NOTHING)


def asked(
    adapter: Adapter, known: Baseline, given: dict[str, Any], writer: ResultsFile | None
) -> tuple[Gate, Measurement, bool]:
    """A run, judged but for its end, its parameters, and whether nothing was left out.

    Exits with 2 where there can be none.
    """
    targets = known.expecting(behind_it(adapter, given["targets"]), today())
    options = {name: given[name] for name in ("only", "skip", "level", "quick")}
    choice = choose((), among=targets, **options)
    plan = plan_of(choice.targets, choice.probes, drops=adapter.dropping is not None)
    if not plan:
        stop("nothing would be asked: no probe that was chosen suits these targets")
    session = Session(Audit(Checks(choice.checks)), Expectations(choice.targets), writer)
    made = Gate(known, session)
    through = adapted(adapter, served=given["served"], cassettes=given["cassettes"])
    try:
        with through as route, Bar(len(plan)) as bar:
            asyncio.run(made.run(route, plan, bar.done))
            declared = declared_by(adapter, choice.targets)
    except (BadProvider, OSError) as error:
        not_there(adapter, error)
    except KeyboardInterrupt:
        stop("interrupted: what was written so far is not all")
    told = {(f"{adapter.name}:{n}", on): m for n, on, m in made.ledger.measured()}
    table = table_of(adapter, choice.targets, told, declared)
    return made, table, choice.whole and not given["targets"]


def known_of(adapter: Adapter, path: Path | None) -> Baseline:
    """What is known of an adapter, nothing where nobody wrote it; exits with 2 if it is broken."""
    place = path or FOLDER / f"{adapter.name}.toml"
    software, digest = identity.software(adapter), identity.fingerprint(adapter)
    if not place.exists():
        again = f"conformance baseline update {adapter.name}"
        if path:
            stop(f"{path} is not there; write it: {again} --baseline {path}")
        click.echo(
            f"conformance: {place} is not there, so all is news; write it: {again}", err=True
        )
        return Baseline(place, adapter.name, software, digest)
    try:
        known = baseline.read(place)
    except BadProvider as error:
        stop(str(error))
    if known.software != software:
        click.echo(f"conformance: {place} was written for {known.software}", err=True)
    elif known.fingerprint != digest:
        click.echo(f"conformance: {adapter.fingerprint} is not the one of {place}", err=True)
    return known


def today() -> date:
    """The day it is, where dates are the same for everybody."""
    return datetime.now(UTC).date()


def _print(console: Console, made: Gate, table: Measurement, fail_on: str) -> None:
    session = made.session
    matrix.run(console, session.board, session.news, session.problems)
    if table.cells:
        console.print()
        parameters.table(console, table.cells, table.undeclared)
        console.print()
    for verdict in session.failures(fail_on)[:SHOWN]:
        _both_sides(console, made, verdict)


def _both_sides(console: Console, made: Gate, verdict: Verdict) -> None:
    """A failure that counts, with the request before the adapter and behind it."""
    exchange = made.exchanges.get(verdict.exchange or "")
    if exchange is None:
        return
    fault = FAULTS.get(verdict.blame or "", "nobody can tell whose fault")
    console.print(Text(printable(f"{verdict.target} {verdict.check}: {fault}"), "bold"))
    for line in both_sides(exchange, verdict.findings[0]):
        console.print(Text(f"  {printable(line)}"), soft_wrap=True)
    console.print()
