"""``conformance baseline``: writes what is known of an adapter, to be committed and argued."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from conformance import baseline as baselines
from conformance.adapting import identity
from conformance.cli.adapting import adapter_options, baseline_option, the_adapter
from conformance.cli.common import cassettes_option, stop
from conformance.cli.gate import asked, known_of, today
from conformance.report.terminal import printable


@click.group()
def baseline() -> None:
    """What is known of an adapter, that only what changes is news."""


@baseline.command()
@click.argument("adapter", metavar="ADAPTER")
@click.argument("targets", nargs=-1, metavar="[TARGET]...")
@adapter_options
@baseline_option
@cassettes_option
def update(**given: Any) -> None:
    """Run through ADAPTER and write what it does into its baseline.

    TARGET is a provider behind it, provider/model or a glob of it; without one, all.
    Reasons that are there stay. A new entry gets the first finding for a reason: say why instead,
    and until when, if it shall be mended.

    \b
    conformance baseline update litellm
    conformance baseline update our_gateway 'anthropic/*' --adapters ci/adapters
    """  # noqa: D301  # click wants the backspace, not its spelling
    adapter = the_adapter(given["adapter"], given["adapter_folder"])
    place = given["baseline"] or baselines.FOLDER / f"{adapter.name}.toml"
    known = known_of(adapter, given["baseline"] if place.exists() else None)
    given |= {"only": (), "skip": (), "level": "should", "quick": False}
    made, _, _ = asked(adapter, replace(known, path=place), given, None)
    made.session.close(whole=False)
    if made.session.problems:
        for problem in made.session.problems:
            click.echo(f"incomplete: {printable(problem)}", err=True)
        stop("nothing written, because the run is incomplete")
    learnt = made.learnt(made.session.expectations.targets, today())
    software, digest = identity.software(adapter), identity.fingerprint(adapter)
    baselines.write(replace(learnt, software=software, fingerprint=digest))
    count = len(learnt.known)
    click.echo(f"wrote {place}: {count} known failures, each with a reason for you to argue")
