"""Writing a cassette through vcrpy, as YAML that is pleasant to read and to compare."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from conformance.model import Exchange
from conformance.traffic.recording import request_stored, response_stored

_END: Final = b"version: 1"
"""The last line; a file without it was cut."""
_TAIL: Final = 64
_STRING: Final = "tag:yaml.org,2002:str"
_LIST: Final = "tag:yaml.org,2002:seq"
_BREAKS: Final = frozenset("\x85\u2028\u2029")
"""What YAML 1.1 takes for a line break besides the usual."""
_OPEN_END: Final = "...\n"
"""What PyYAML adds where a block of text ends in empty lines."""
_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Replace the file by these exchanges, which hold no keys any more, at once or not at all.

    Raises OSError.
    """
    # A third of a second, and only who records needs it.
    from vcr.cassette import Cassette  # type: ignore[import-untyped]  # noqa: PLC0415
    from vcr.request import Request  # type: ignore[import-untyped]  # noqa: PLC0415

    # vcrpy logs what it stores.
    logging.getLogger("vcr").setLevel(logging.WARNING)
    cassette = Cassette(str(path), serializer=_Serializer, persister=_Persister)
    for exchange in exchanges:
        cassette.append(Request(**request_stored(exchange.request)), response_stored(exchange))
    recorded = {"requests": cassette.requests, "responses": cassette.responses}
    _Persister.save_cassette(path, recorded, _Serializer)


def is_whole(path: Path) -> bool:
    """Whether a file ends as :func:`write` ends it. Raises OSError."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().rstrip().endswith(_END)


class _Persister:
    """Where vcrpy keeps cassettes: files that are whole at any moment."""

    @staticmethod
    def save_cassette(path: Path, recorded: dict[str, Any], serializer: object) -> None:
        from vcr.serialize import serialize  # type: ignore[import-untyped]  # noqa: PLC0415

        data = serialize(recorded, serializer).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(data)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


class _Serializer:
    """How vcrpy writes them; what it wrote, its own serializer reads."""

    @staticmethod
    def serialize(recorded: dict[str, Any]) -> str:
        for interaction in recorded["interactions"]:
            request, response = interaction["request"], interaction["response"]
            request["body"] = _block(request["body"])
            response["body"]["string"] = _block(response["body"]["string"])
        ordered = {"interactions": recorded["interactions"], "version": recorded["version"]}
        text: str = yaml.dump(
            ordered, Dumper=_Dumper, allow_unicode=True, width=10**9, sort_keys=False
        )
        return text.removesuffix(_OPEN_END)


class _Block(str):
    """A body, written as a block of text."""

    __slots__ = ()


def _block(body: object) -> object:
    return _Block(body) if isinstance(body, str) else body


class _Dumper(_BASE):  # type: ignore[misc]  # libyaml's where there is libyaml
    """Bodies are blocks of text, and the values of a header stand on one line."""

    def block(self, body: str) -> yaml.Node:
        # PyYAML itself takes quotes for whatever does not come back exactly, but for these.
        style = '"' if _BREAKS & set(body) else "|"
        node: yaml.Node = self.represent_scalar(_STRING, str(body), style=style)
        return node

    def values(self, values: list[object]) -> yaml.Node:
        on_one_line = all(isinstance(value, str) for value in values)
        node: yaml.Node = self.represent_sequence(_LIST, values, flow_style=on_one_line)
        return node


_Dumper.add_representer(_Block, _Dumper.block)
_Dumper.add_representer(list, _Dumper.values)
