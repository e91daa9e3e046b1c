"""What a live run needs besides what is asked: keys, budgets, and a place to keep the answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import click

from conformance.cli.common import Command, stop
from conformance.results.writing import is_complete
from conformance.routes.http import Budget, Http, Options
from conformance.routes.replay import Store
from conformance.targets import Target

EVIDENCE = ".exchanges"
"""Added to a results file's name: the folder with every answer the results rest on."""
CUT = ": cut: "
"""What is in a problem of an answer whose connection was closed before its end."""


def live_options(command: Command) -> Command:
    """The options of live runs: budgets, pace and patience."""
    options: list[Callable[[Command], Command]] = [
        click.option("--max-requests", type=click.IntRange(1), help="Send at most N requests."),
        click.option("--max-tokens", type=click.IntRange(1), help="Spend no more than N tokens."),
        click.option("--concurrency", type=click.IntRange(1, 1000), help="Requests in flight."),
        click.option("--rpm", type=click.IntRange(1), help="Requests a minute."),
        click.option("--timeout", type=click.FloatRange(0.1), help="Seconds a request may take."),
        click.option(
            "--retries",
            type=click.IntRange(0, 10),
            default=2,
            show_default=True,
            metavar="N",
            help="Ask again so often when a server is busy or down.",
        ),
        click.option("--allow-http", is_flag=True, help="Send keys over plain http, off loopback."),
    ]
    return reduce(lambda made, option: option(made), reversed(options), command)


@dataclass(frozen=True, slots=True)
class Live:
    """How a live run asks, and where it keeps every answer from the moment it is there."""

    keys: dict[str, str]
    budget: Budget
    options: Options
    store: Store
    lasts: bool
    """Whether the store is still there when the run is over."""

    def route(self, on_change: Callable[[int, int], None]) -> Http:
        """The route, to be closed."""
        return Http(
            self.keys, self.options, budget=self.budget, store=self.store, on_change=on_change
        )


@contextmanager
def live(targets: Iterable[Target], results: Path | None, given: dict[str, Any]) -> Iterator[Live]:
    """What the options say; exits with 2 where a key is missing.

    Answers are kept beside the results file, where ``--resume`` finds them; without one, in a
    folder that is gone when the run is over.
    """
    keys = _keys(targets)
    options = Options(
        concurrency=given["concurrency"],
        rpm=given["rpm"],
        timeout=given["timeout"],
        retries=given["retries"],
        allow_http=given["allow_http"],
    )
    budget = Budget(given["max_requests"], given["max_tokens"])
    if results is None:
        with tempfile.TemporaryDirectory(prefix="conformance-") as passing:
            store = Store(Path(passing), keys.values())
            yield Live(keys, budget, options, store, lasts=False)
        return
    folder = results.with_name(results.name + EVIDENCE)
    store = Store(folder, keys.values())
    if given["resume"] is None:
        if store.is_empty or is_complete(results):
            store.clear()  # as the results are written anew, so are the answers they rest on
        else:
            stop(
                f"{folder} holds the answers of a run that was interrupted: go on with it by "
                f"--resume {results}, or remove it"
            )
    yield Live(keys, budget, options, store, lasts=True)


def hint(problems: Iterable[str], given: dict[str, Any]) -> None:
    """Say what may help where a server cuts its answers off."""
    if given["concurrency"] != 1 and any(CUT in problem for problem in problems):
        why = "a server that handles one request at a time cuts one off when the next comes"
        click.echo(f"conformance: answers broke off; {why}: try --concurrency 1", err=True)


def _keys(targets: Iterable[Target]) -> dict[str, str]:
    """The value of every variable that a target names. A file names only the variable."""
    keys = {}
    for target in targets:
        if target.key and target.key not in keys:
            value = os.environ.get(target.key, "").strip()
            if not value:
                stop(f"{target.name} needs a key: set {target.key}")
            keys[target.key] = value
    return keys
