"""``conformance serve``: the reference server, whole or with one thing broken."""

from __future__ import annotations

import click

from conformance.cli.common import stop, suggestions
from conformance.registry import checks


@click.command()
@click.option("--break", "broken", metavar="CHECK_ID", help="Break exactly what this check checks.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    help="How fast streams flow: 0 for at once, 1 for twenty events a second.",
)
def serve(broken: str | None, port: int, host: str, pace: float) -> None:
    """Serve a correct OpenAI-compatible API whose pretend model obeys every parameter.

    It is what the checks are proven on. Any key will do; --port 0 takes a free one.

    \b
    conformance serve --port 8080 &
    conformance run --live --base-url http://127.0.0.1:8080/v1 --model reference
    conformance serve --break stream.chunk_id_constant
    """  # noqa: D301  # click wants the backspace, not its spelling
    from conformance import serve as serving  # noqa: PLC0415  # only this needs it

    known = checks()
    if broken is not None and broken not in known:
        stop(f"no check is called {broken}{suggestions(broken, known, 'conformance checks')}")
    breaking = known[broken] if broken else None
    if breaking:
        reason = serving.unreachable(breaking)
        if reason:
            stop(f"{broken} cannot be broken by a server: {reason}")
    try:
        serving.serve(host, port, breaking, pace, on_ready=lambda url: click.echo(f"ready: {url}"))
    except OSError as error:
        stop(f"{host}:{port}: {error.strerror}")
    except KeyboardInterrupt:
        pass
