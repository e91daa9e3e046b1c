"""Anybody's recorded HTTP traffic, read as exchanges: exchange jsonl, VCR cassettes and HAR.

What was recorded comes from strangers. Nothing in it is executed, nothing in it raises, and
:mod:`conformance.traffic.limits` says how much of it is ever in memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from conformance.model import Exchange
from conformance.traffic import har, jsonl, jsonstream, vcr, yamlstream
from conformance.traffic.limits import ForeignError, HopelessError, Place, UnusableError
from conformance.traffic.source import open_source

__all__ = ["Unreadable", "find", "read"]

_LINES = {".jsonl", ".ndjson"}
_DOCUMENTS = {".json", ".har", ".yaml", ".yml"}
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|\[\s*\{)\s*\"(\w*)")
_CASSETTE_MEMBERS = {b"log", b"version", b"interactions", b"http_interactions", b"metadata"}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or one exchange in it, that can't be judged, and why; ``line`` counts from 1."""

    path: str
    line: int | None
    reason: str
    foreign: bool = field(default=False, compare=False)
    """Whether it isn't broken but something else than a recording."""

    def __str__(self) -> str:
        """Return ``path:line: reason``."""
        return f"{self.path}{'' if self.line is None else f':{self.line}'}: {self.reason}"


def find(paths: Iterable[Path]) -> Iterator[Path]:
    """Give the files to read, in sorted order for each of ``paths``.

    A folder gives every file in it that has the suffix of a format we read, packed or not; hidden
    folders are passed over. A file is given whatever its name. Raises OSError for a path that
    isn't there or a folder that can't be listed.
    """
    for path in paths:
        path.stat()
        yield from _inside(path) if path.is_dir() else [path]


def _inside(folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        if path.is_dir():
            inside = (one for one in path.iterdir() if not _passed_over(one))
            waiting += sorted(inside, reverse=True)
        elif path.is_file() and _suffix(path) in _LINES | _DOCUMENTS:
            yield path


def _passed_over(path: Path) -> bool:
    # A link to a folder could lead back here.
    return path.is_dir() and (path.name.startswith(".") or path.is_symlink())


def read(path: Path) -> Iterator[Exchange | Unreadable]:
    """Read one file, holding one exchange in memory at a time.

    Never raises for what a file holds or because it can't be opened: that is an Unreadable, and
    what can be read around it is given all the same. A file that holds nothing but other things
    is one foreign Unreadable.
    """
    foreign, others = None, 0
    recorded = False
    for item in _read(path):
        if isinstance(item, Unreadable) and item.foreign:
            if not recorded:
                foreign, others = foreign or item, others + 1
                continue
            item = replace(item, foreign=False)  # noqa: PLW2901  # among recordings it is broken
        elif foreign:
            more = f" (and {others - 1} more before the first)" if others > 1 else ""
            yield replace(foreign, reason=foreign.reason + more, foreign=False)
            foreign = None
        recorded = True
        yield item
    if not recorded:
        yield Unreadable(str(path), None, "holds no recorded exchange", foreign=True)


def _read(path: Path) -> Iterator[Exchange | Unreadable]:
    try:
        with open_source(path) as file:
            for entry in _entries(path, file):
                yield _exchange(Place(str(path), entry.line, entry.number), entry.value)
    except HopelessError as error:
        yield Unreadable(str(path), error.line, str(error))
    except OSError as error:
        yield Unreadable(str(path), None, error.strerror or str(error))


def _entries(path: Path, file: io.BufferedReader) -> Iterator[jsonstream.Entry]:
    suffix = _suffix(path)
    json = _JSON.match(file.peek())
    if suffix in _LINES:
        return jsonstream.lines(file)
    if json is None:
        return yamlstream.entries(file)
    if suffix in _DOCUMENTS or json[1] in _CASSETTE_MEMBERS:
        return jsonstream.entries(file)
    return jsonstream.lines(file)


def _suffix(path: Path) -> str:
    name = path.name.lower().removesuffix(".gz")
    return name[name.rfind(".") :] if "." in name else ""


def _exchange(place: Place, value: object) -> Exchange | Unreadable:
    foreign = False
    try:
        if isinstance(value, UnusableError):
            raise value
        return _shaped(place, value)
    except UnusableError as error:
        reason, foreign = str(error), isinstance(error, ForeignError)
    except RecursionError:
        reason = "nested too deeply"
    number = "" if place.entry is None else f"entry {place.entry}: "
    return Unreadable(place.path, place.line, number + reason, foreign)


def _shaped(place: Place, value: object) -> Exchange:
    members = value if isinstance(value, dict) else {}
    match members:
        case {"request": {"uri": _}}:
            return vcr.exchange(members, place)
        case {"request": {"url": _}}:
            return har.exchange(members, place)
        case {"host": _, "path": _}:
            return jsonl.exchange(members, place)
    raise ForeignError("neither an exchange line, nor a VCR interaction, nor a HAR entry")
