"""The command line: thin, it reads options and holds nothing."""

from __future__ import annotations

import click

from conformance import __version__
from conformance.cli.audit import audit
from conformance.cli.baseline import baseline
from conformance.cli.catalogue import explain, list_checks
from conformance.cli.commands import Commands
from conformance.cli.diff import diff
from conformance.cli.matrix import matrix
from conformance.cli.params import params
from conformance.cli.plan import plan
from conformance.cli.report import report
from conformance.cli.run import run
from conformance.cli.serve import serve


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="conformance")
def main() -> None:
    """Tell whether an OpenAI-compatible LLM API or adapter really is compatible.

    \b
    conformance run                        replay every recorded target, judge, print the matrix
    conformance run --live --base-url https://host/v1 --model NAME    any endpoint, now
    conformance run --adapter litellm      an adapter, from both sides, against its baseline
    conformance params --adapter litellm   what becomes of every parameter on the way
    conformance plan openai                what a live run would send
    conformance audit recordings/          judge recorded traffic, anybody's
    conformance matrix results.jsonl --html matrix.html   the matrix as a page, Markdown, JSON, …
    conformance diff old.jsonl new.jsonl   what changed, grouped by cause
    conformance report acme --html acme.html    a page about a provider, to be sent to it
    conformance checks                     list every check
    conformance explain chat.response_id   its rule, source and a failing example

    Exit codes: 0 nothing to report, 1 conformance failure, 2 usage, configuration, incomplete
    run, or an error of ours.
    """  # noqa: D301  # click wants the backspace, not its spelling


for command in (run, baseline, params, plan, audit, matrix, diff, report):
    main.add_command(command)
for command in (list_checks, explain, serve):
    main.add_command(command)
