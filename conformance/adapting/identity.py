"""Which adapter it is: its name and version, and the digest of what its behaviour rests on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata, resources

from conformance.adapter_file import Adapter


def software(adapter: Adapter) -> str:
    """Its title and version, as ``LiteLLM 1.110.2``; the title alone where nothing tells more."""
    if adapter.software:
        return adapter.software
    version = adapter.distribution and _version(adapter.distribution)
    return f"{adapter.title} {version}" if version else adapter.title


def fingerprint(adapter: Adapter) -> str | None:
    """The SHA-256 of the file that ``fingerprint`` names; None where it names none, or is gone."""
    if not adapter.fingerprint:
        return None
    package, _, path = adapter.fingerprint.partition("/")
    try:
        content = (resources.files(package) / path).read_bytes()
    except (ModuleNotFoundError, OSError):
        return None
    return hashlib.sha256(content).hexdigest()


@cache
def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
