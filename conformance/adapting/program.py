"""An adapter that is a program: started with what it needs, ready when it says so, and stopped."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

import httpx

from conformance.adapter_file import DEADLINE, Program
from conformance.targets import BadProvider

LOCAL: Final = "127.0.0.1"
NAMED: Final = re.compile(r"\$\{(\w+)\}")
"""An environment variable in a command."""
GRACE: Final = 10.0
"""Seconds between asking a program to end and ending it."""
TAIL: Final = 2000
"""Characters of its log that are shown when it does not start."""


@contextmanager
def running(program: Program, values: Mapping[str, str]) -> Iterator[str]:
    """Run a program during the block, and give it the base URL.

    ``values`` are filled in for ``{names}`` in its command, files and URL; ``{port}`` is added.
    The environment is that of this process. Raises BadProvider when it does not become ready.
    """
    command = worded(program.command)
    with tempfile.TemporaryDirectory(prefix="conformance-") as name:
        folder, port = Path(name), _free_port()
        known = {**values, "port": str(port), "folder": name}
        for path, text in program.files.items():
            (folder / path).write_text(filled(text, known), "utf-8")
        log = folder / "adapter.log"
        with log.open("wb") as file, _unwinding():
            process = _started([filled(word, known) for word in command], folder, file)
            try:
                _await(process, f"http://{LOCAL}:{port}{program.ready}", log)
                yield filled(program.base_url, known)
            finally:
                _stop(process)


@contextmanager
def _unwinding() -> Iterator[None]:
    """Have SIGTERM end us as an exception would: by itself it leaves the program behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _started(command: list[str], folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603  # the user's own command, without a shell
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        install = "install it, or put its folder on the PATH"
        raise BadProvider(f"{command[0]} can't be started; {install}: {error.strerror}") from error


def _await(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the program answers at ``url`` with a success."""
    limit = time.monotonic() + DEADLINE
    while time.monotonic() < limit and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(url, timeout=5, trust_env=False).is_success:
                return
        time.sleep(0.1)
    ended = process.poll()
    how = "did not become ready" if ended is None else f"ended with {ended}"
    said = log.read_text("utf-8", "replace")[-TAIL:]
    raise BadProvider(
        f"the adapter {how}: mend start in its file, or ready, as {url} is to answer 200. "
        f"Its log ends:\n{said}"
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a program gently, and then whatever it has left behind."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(GRACE)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with the values in place of their ``{names}``."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def worded(command: tuple[str, ...]) -> list[str]:
    """A command with the values of the environment variables it names. Raises BadProvider."""

    def value(found: re.Match[str]) -> str:
        if found[1] in os.environ:
            return os.environ[found[1]]
        raise BadProvider(f"set {found[1]}, which the adapter's command needs: {' '.join(command)}")

    return [NAMED.sub(value, word) for word in command]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOCAL, 0))
        port: int = listener.getsockname()[1]
    return port
