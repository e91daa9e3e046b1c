"""``conformance run``: ask or replay, judge, and say what is news."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, NoReturn

import click

from conformance.cli.adapting import adapter_option, adapter_options, baseline_option
from conformance.cli.choosing import OWN, Choice, choice_options, choose, endpoint_options
from conformance.cli.common import (
    FAIL_ON,
    FAILED,
    FILE,
    NOTHING,
    UNUSABLE,
    cassettes_option,
    json_option,
    level_option,
    opened,
    stop,
)
from conformance.cli.conversing import carry_out
from conformance.cli.fuzzing import drawing, forget, fuzz_options, tell
from conformance.cli.gate import gate
from conformance.cli.live import Live, hint, live, live_options
from conformance.cli.replaying import leftovers, recorded_of
from conformance.cli.reporting import files, refuse_same, report, report_options, results_file
from conformance.engine import Audit, Checks
from conformance.expect import Expectations
from conformance.learn import learn
from conformance.report import matrix, terminal
from conformance.results.writing import ResultsFile
from conformance.routes.replay import Store
from conformance.runner import Asked
from conformance.session import Session
from conformance.targets import BadProvider


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@click.option("--live", is_flag=True, help="Talk to the providers; keys come from the environment.")
@click.option("--record", is_flag=True, help="Like --live, and write the cassettes.")
@endpoint_options
@choice_options
@level_option
@json_option
@report_options
@click.option("--resume", type=FILE, help="Go on with a live run that was writing this file.")
@adapter_option
@adapter_options
@baseline_option
@live_options
@fuzz_options
@click.option("--repeat", type=click.IntRange(1, 99), default=1, help="Ask everything K times.")
@click.option("--software", metavar="NAME", help="What answers, for the record: 'vLLM 0.32.0'.")
@cassettes_option
@click.option(
    "--learn",
    "learning",
    is_flag=True,
    help="Write what fails into the provider's file as known failures.",
)
@click.option(
    "--fail-on",
    type=FAIL_ON,
    default="news",
    show_default=True,
    help="What makes the exit code 1. News is a MUST failure nobody knew of, or a known one that "
    "is fixed; must and should also count what is known.",
)
def run(**given: Any) -> None:
    """Check targets: replay what is recorded, or ask them now.

    TARGET is a provider, provider/model, or a glob of it; without one, all that are recorded.

    \b
    conformance run                                      everything recorded, offline
    conformance run 'lambda_ai/*' --live --max-requests 500
    conformance run --live --base-url http://127.0.0.1:8000/v1 --model my-model --quick
    conformance run vllm --record --software 'vLLM 0.32.0'
    conformance run --adapter litellm                    an adapter, from both sides, offline
    """  # noqa: D301  # click wants the backspace, not its spelling
    if given["adapter"]:
        gate(given)
    is_live = given["live"] or given["record"] or given["resume"] is not None
    recorded = Store(given["cassettes"])
    choice = choose(
        given["targets"],
        only=given["only"],
        skip=given["skip"],
        level=given["level"],
        folder=given["folder"],
        base_url=given["base_url"],
        model=given["model"],
        key=given["key"],
        software=given["software"],
        quick=given["quick"],
        drawing=drawing(given, recorded, is_live=is_live),
    )
    _refuse(given, choice, is_live=is_live)
    orphans = [] if is_live or given["targets"] else recorded.orphans(choice.targets)
    if not is_live:
        choice = recorded_of(choice, recorded, given["targets"], given["folder"] or OWN)
    results = given["resume"] or given["results"]
    refuse_same([results, *files(given).values()])
    console = terminal.console()
    with ExitStack() as stack:
        asking = stack.enter_context(live(choice.targets, results, given)) if is_live else None
        written = stack.enter_context(results_file(results, given))
        writer = (
            ResultsFile(stack.enter_context(opened(written, by_line=True))) if written else None
        )
        if writer:
            writer.start("live" if is_live else "replay", sys.argv[1:])
        session = Session(Audit(Checks(choice.checks)), Expectations(choice.targets), writer)
        try:
            crashed = asyncio.run(carry_out(session, choice, asking or recorded, given["repeat"]))
        except (KeyboardInterrupt, asyncio.CancelledError):
            again = f"; go on with --resume {results}" if results and is_live else ""
            stop(f"interrupted: what was written so far is not all{again}")
        if not is_live:
            session.account.unrecorded(choice.absent)
            session.samples((target, recorded.of(target)) for target in choice.targets)
            leftovers(session, choice, recorded, given["repeat"])
        for folder in orphans:
            session.problem(f"{folder}: no provider's file has such a model: name it, or delete it")
        session.close(whole=choice.whole)
        tell(crashed)
        if asking and given["record"]:
            _publish(session, asking, recorded, choice, crashed)
        matrix.run(console, session.board, session.news, session.problems, _missing(choice))
        report(written, given)
    if asking:
        hint(session.problems, given)
    matrix.verdict(console, session.board, session.problems)
    _finish(session, choice, given)


def _missing(choice: Choice) -> Counter[str]:
    """The providers of which something is not recorded, and of how many models nothing is."""
    return Counter(target.provider for target in choice.absent)


def _refuse(given: dict[str, Any], choice: Choice, *, is_live: bool) -> None:
    """Exit with 2 for options that do not go together."""
    resume = given["resume"]
    if given["learning"] and (not choice.whole or given["level"] == "must"):
        stop("--learn needs a whole run: leave out --only, --skip, --quick and --level must")
    if is_live and not (given["targets"] or given["base_url"]):
        stop("say who is to be asked: a TARGET, or --base-url URL --model NAME")
    if given["base_url"] and not is_live:
        stop("--base-url says where to ask: add --live or --record")
    for option in ("record", "learning"):
        if given[option] and given["base_url"] and not given["targets"]:
            stop(f"--{option.removesuffix('ing')} needs a TARGET, which has a file")
    if resume and given["results"] not in (None, resume):
        stop(f"--resume goes on writing {resume}: leave out --json")
    if resume and not resume.exists():
        stop(f"{resume} is not there: a run that was interrupted leaves it behind")


def _publish(
    session: Session, asking: Live, into: Store, choice: Choice, crashed: Iterable[Asked]
) -> None:
    """Move the conversations that came to their end to where they are replayed from.

    Where the rest can still be asked for, they wait for it.
    That a server crashed over a request drawn by lot is a result: no part of the run is missing.
    """
    store = asking.store
    kept = {(asked.target.name, asked.probe.id) for asked in crashed}
    if asking.lasts and session.incomplete - kept:
        left = f"what there is stays in {store.folder} for --resume"
        click.echo(f"conformance: not recorded, because the run is incomplete; {left}", err=True)
        return
    forget(choice.targets, session, crashed, store, into)
    for target in choice.targets:
        lost = {p for name, p in session.incomplete - kept if name == target.name}
        if not store.has(target):
            continue
        moved = store.move(target, into, whole=choice.whole and not lost, without=lost)
        if moved:
            click.echo(f"recorded {moved} probes: {into.of(target)}")
        if lost:
            again = f"conformance run {target.name} --record"
            left = "not recorded are those that are incomplete; for all of them, again"
            click.echo(f"conformance: {left}: {again}", err=True)


def _finish(session: Session, choice: Choice, given: dict[str, Any]) -> NoReturn:
    if not session.audit.judged:
        stop("nothing was judged: no reply came that could be")
    if session.problems:
        if given["learning"]:
            click.echo("conformance: nothing learnt, because the run is incomplete", err=True)
        sys.exit(UNUSABLE)
    if given["learning"]:
        try:
            for path in learn(session.board, choice.targets, given["folder"] or OWN):
                click.echo(f"wrote known failures: {path}")
        except (BadProvider, OSError) as error:
            stop(str(error))
    sys.exit(FAILED if session.failed(given["fail_on"]) else NOTHING)
