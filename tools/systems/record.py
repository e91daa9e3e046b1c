"""Records real servers that run on this machine, from nothing: install, start, ask, stop.

    python tools/systems/record.py [SYSTEM...]         record these, or all
    python tools/systems/record.py --serve SYSTEM      start one and leave it running until Ctrl-C
    python tools/systems/record.py --install SYSTEM    only make ready what the others need

README.md, beside this file, says what is needed and how long it takes.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from systems import MODEL_INSTALL, SYSTEMS, UPSTREAM_PORT, Command, System

HERE: Final = Path(__file__).resolve().parent
KEY_VARIABLE: Final = "CONFORMANCE_LOCAL_KEY"
KEY: Final = os.environ.get(KEY_VARIABLE) or "sk-local"
MODEL_NAME: Final = "transformers_serve"
GRACE: Final = 10.0
TAIL: Final = 2000


class NotReady(Exception):  # noqa: N818  # because it says what the server is
    """A server ended, or did not answer in time; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """The folder in which everything is installed and runs."""

    work: Path

    def run(self, command: Command, folder: Path, environment: dict[str, str]) -> None:
        """Run one command of an installation to its end."""
        line = fill(command)
        click.echo(f"[{folder.name}] {' '.join(line)}", err=True)
        subprocess.run(line, cwd=folder, env=os.environ | environment, check=True)  # noqa: S603  # because the commands are ours

    def install(self, name: str, steps: tuple[Command, ...], environment: dict[str, str]) -> None:
        """Install a system, unless this very installation was done before."""
        folder = self.work / name
        folder.mkdir(parents=True, exist_ok=True)
        done = folder / "installed"
        if done.exists() and done.read_text("utf-8") == repr(steps):
            return
        for step in steps:
            self.run(step, folder, environment)
        done.write_text(repr(steps), "utf-8")

    def prepare(self, name: str) -> None:
        """Make ready what a system needs: the model, itself, and the engine behind a gateway."""
        system = SYSTEMS[name]
        if system.upstream:
            self.prepare(system.upstream)
        self.install(MODEL_NAME, MODEL_INSTALL, {})
        trained: Command = (f"../{MODEL_NAME}/bin/python", "{here}/model.py", ".")
        self.install("model", (trained,), {"PYTHONDONTWRITEBYTECODE": "1"})
        self.install(name, system.install, system.environment)

    def version(self, system: System) -> str:
        """What the installed software says its version is."""
        line = fill(system.version)
        asked = subprocess.run(  # noqa: S603  # because the commands are ours
            line, cwd=self.work / "model", capture_output=True, text=True, check=True
        )
        return asked.stdout.strip()

    @contextmanager
    def serving(self, name: str, port: int = 0) -> Iterator[str]:
        """The base URL of a running system; it and what it runs on are stopped afterwards."""
        system = SYSTEMS[name]
        with ExitStack() as stack:
            if system.upstream:
                stack.enter_context(self.serving(system.upstream, UPSTREAM_PORT))
            port = free_port(port)
            process = stack.enter_context(self.process(name, port))
            try:
                wait(process, port, system)
            except NotReady as error:
                log = (self.work / name / "server.log").read_text("utf-8", "replace")
                raise click.ClickException(f"{name}: {error}\n{log[-TAIL:]}") from None
            yield f"http://127.0.0.1:{port}/v1"

    @contextmanager
    def process(self, name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """A server's process, the leader of a group that is killed in the end."""
        system = SYSTEMS[name]
        with (self.work / name / "server.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  # because the commands are ours
                fill(system.start, port),
                cwd=self.work / "model",
                env=os.environ | system.environment | {KEY_VARIABLE: KEY},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                stop(process)


def fill(command: Command, port: int = 0) -> list[str]:
    """A command with its placeholders replaced."""
    values = {"{here}": str(HERE), "{python}": sys.executable, "{port}": str(port), "{key}": KEY}
    filled = []
    for word in command:
        for name, value in values.items():
            word = word.replace(name, value)  # noqa: PLW2901  # because one after the other
        filled.append(word)
    return filled


def free_port(wanted: int = 0) -> int:
    """The port wanted, or any, that nobody listens on now. Raises OSError when it is taken."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", wanted))
        port: int = listener.getsockname()[1]
    return port


def wait(process: subprocess.Popen[bytes], port: int, system: System) -> None:
    """Return when the server is up. Raises NotReady."""
    limit = time.monotonic() + system.deadline
    while time.monotonic() < limit:
        if process.poll() is not None:
            raise NotReady(f"ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", system.ready, headers={"authorization": f"Bearer {KEY}"})
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.2)
    raise NotReady(f"did not answer within {system.deadline:.0f} s")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all it started, gently first."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(GRACE)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def record(workshop: Workshop, name: str, *, learn: bool) -> int:
    """Have one system asked every probe; how that went, as an exit code."""
    system = SYSTEMS[name]
    software = f"{system.title} {workshop.version(system)}"
    with workshop.serving(name) as url:
        command = ["conformance", "run", name, "--record", "--base-url", url]
        command += ["--software", software, *(["--learn"] if learn else [])]
        click.echo(" ".join(command), err=True)
        return subprocess.run(command, env=os.environ | {KEY_VARIABLE: KEY}, check=False).returncode  # noqa: S603  # because the command is ours


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(SYSTEMS)), metavar="[SYSTEM]...")
@click.option("--work", type=click.Path(path_type=Path), default=".systems", show_default=True)
@click.option("--install", "only_install", is_flag=True, help="Only install.")
@click.option("--serve", is_flag=True, help="Start one system and wait for Ctrl-C.")
@click.option("--learn", is_flag=True, help="Write what fails into the provider's file.")
def main(
    names: tuple[str, ...],
    work: Path,
    *,
    only_install: bool,
    serve: bool,
    learn: bool,
) -> None:
    """Record real servers: SYSTEM is one or more of them, all when none is named."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    workshop = Workshop(work.resolve())
    chosen = names or tuple(SYSTEMS)
    for name in chosen:
        workshop.prepare(name)
    if only_install:
        return
    if serve:
        if len(chosen) != 1:
            raise click.UsageError("--serve starts one system; name it")
        with workshop.serving(chosen[0]) as url:
            click.echo(url)
            with suppress(KeyboardInterrupt):
                signal.pause()
        return
    sys.exit(max(record(workshop, name, learn=learn) for name in chosen))


if __name__ == "__main__":
    main()
