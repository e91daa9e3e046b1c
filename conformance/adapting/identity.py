"""Which adapter it is: its name and version, and the digest of what its behaviour rests on."""

from __future__ import annotations

import hashlib
import re
import subprocess
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from conformance.adapter_file import Adapter
from conformance.adapting.program import worded
from conformance.targets import BadProvider

VERSION: Final = re.compile(r"\d+(?:\.\w+)+(?:[-+][\w.-]+)?")
PATIENCE: Final = 60.0
"""Seconds a program may take to say which version it is."""


def software(adapter: Adapter) -> str:
    """Its title and version, as ``LiteLLM 1.110.2``; the title alone where nothing tells more."""
    if adapter.software:
        return adapter.software
    version = adapter.distribution and _version(adapter.distribution)
    if adapter.program and adapter.program.version:
        version = _printed(adapter.program.version)
    return f"{adapter.title} {version}" if version else adapter.title


def fingerprint(adapter: Adapter) -> str | None:
    """The SHA-256 of the file that ``fingerprint`` names; None where it names none, or is gone."""
    if not adapter.fingerprint:
        return None
    package, _, path = adapter.fingerprint.partition("/")
    found = find_spec(package)  # which does not import it
    folders = found and found.submodule_search_locations
    file = Path(folders[0], path) if folders else None
    return hashlib.sha256(file.read_bytes()).hexdigest() if file and file.is_file() else None


@cache
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


@cache
def _printed(command: tuple[str, ...]) -> str | None:
    """The first version that a command prints."""
    try:
        ran = subprocess.run(  # noqa: S603  # the user's own command, without a shell
            worded(command), check=True, capture_output=True, timeout=PATIENCE
        )
    except (BadProvider, OSError, subprocess.SubprocessError):
        return None
    found = VERSION.search(ran.stdout.decode("utf-8", "replace"))
    return found and found[0]
