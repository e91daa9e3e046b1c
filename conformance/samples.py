"""Exchanges that lie beside a target's cassettes: transcribed from documents, or from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from conformance.model import Exchange
from conformance.targets import Target
from conformance.traffic import Unreadable, read

KINDS = ("*.jsonl", "*.jsonl.gz", "*.har")


def sample_files(folder: Path) -> list[Path]:
    """The files in a target's folder that no probe recorded."""
    return sorted(path for kind in KINDS for path in folder.glob(kind))


def samples(folders: Iterable[tuple[Target, Path]]) -> Iterator[Exchange | Unreadable]:
    """Every exchange in these targets' folders that no probe asked for, as that target's."""
    for target, folder in folders:
        for path in sample_files(folder):
            for item in read(path):
                if isinstance(item, Unreadable):
                    yield item
                    continue
                yield replace(item, provider=target.provider, model=target.model)
