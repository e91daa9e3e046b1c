"""Finding the interactions in a YAML cassette, one at a time, and building only plain values.

PyYAML's parser gives events without building anything; the values are built here instead of by a
PyYAML constructor. So a stranger's cassette can't construct objects, an alias costs nothing but
counts in full, and what stays in memory is one interaction and what is anchored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from conformance.traffic.bodies import unbase64
from conformance.traffic.jsonstream import Entry, too_large
from conformance.traffic.limits import (
    MAX_DEPTH,
    MAX_ENTRY,
    MAX_YAML,
    YAML_NODE,
    HopelessError,
    UnusableError,
)

_YAML = "tag:yaml.org,2002:"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRINGS = {_YAML + name for name in ("str", "python/str", "python/unicode", "timestamp", "value")}
_BINARY = {_YAML + "binary", "!binary"}
_COLLECTIONS = {None, "!"} | {_YAML + name for name in ("map", "seq", "python/tuple")}
_WRAPPED = {f"{_YAML}python/object/{how}:multidict._multidict.istr" for how in ("apply", "new")}
"""What vcrpy puts around the names of aiohttp's headers: a list of one string."""
_ARRAYS = ("interactions", "http_interactions")
_CONSTRUCTORS = {
    _YAML + "null": SafeConstructor.construct_yaml_null,
    _YAML + "bool": SafeConstructor.construct_yaml_bool,
    _YAML + "int": SafeConstructor.construct_yaml_int,
    _YAML + "float": SafeConstructor.construct_yaml_float,
}
_LONGEST_NUMBER = 400


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Read the interactions of a cassette; one that can't be read doesn't cost the others.

    Raises HopelessError where the text isn't YAML, or reading on would cost too much.
    """
    events = _Events(file)
    builder = _Builder(events)
    while not isinstance(event := events.next(), yaml.StreamEndEvent):
        if isinstance(event, yaml.SequenceStartEvent):
            yield from _members(events, builder)
        elif isinstance(event, yaml.MappingStartEvent):
            yield from _cassette(events, builder)


def _cassette(events: _Events, builder: _Builder) -> Iterator[Entry]:
    while not isinstance(event := events.next(), yaml.MappingEndEvent):
        name = builder.value(event)
        event = events.next()
        if name in _ARRAYS and isinstance(event, yaml.SequenceStartEvent):
            yield from _members(events, builder)
        else:
            # Nothing we need, but later aliases may.
            builder.value(event)


def _members(events: _Events, builder: _Builder) -> Iterator[Entry]:
    number = 0
    while not isinstance(event := events.next(), yaml.SequenceEndEvent):
        number += 1
        yield Entry(events.line, number, builder.value(event))


class _Events:
    """PyYAML's events, one by one, with the limits that its parser lacks."""

    def __init__(self, file: BinaryIO) -> None:
        self.line = 1
        self.depth = 0
        self._file = file
        self._since_event = 0
        self._total = 0
        self._events = yaml.parse(self, Loader=_LOADER)

    def read(self, size: int = -1, /) -> bytes:
        """Give the parser what it asks for; this is what makes this object its stream."""
        data = self._file.read(size)
        self._since_event += len(data)
        self._total += len(data)
        if self._since_event > MAX_ENTRY:
            raise HopelessError(str(too_large()), self.line)
        if self._total > MAX_YAML:
            raise HopelessError(f"a YAML file larger than {MAX_YAML} bytes", self.line)
        return data

    def next(self) -> yaml.Event:
        """Return the next event. Raises HopelessError where the text isn't YAML."""
        self._since_event = 0
        try:
            event = next(self._events)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else self.line
            # From PyYAML 6.0.4 on its parser has a limit of its own, below the one here or above.
            deep = "nesting depth" in str(error.problem)
            reason = "nested too deeply" if deep else f"not YAML: {error.problem}"
            raise HopelessError(reason, line) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise HopelessError(f"not YAML: {getattr(error, 'reason', error)}", self.line) from None
        if event.start_mark:
            self.line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionStartEvent):
            self.depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self.depth -= 1
        if self.depth > MAX_DEPTH:
            raise HopelessError("nested too deeply", self.line)
        return event


class _Builder:
    """Builds plain values from events, and remembers the anchored ones."""

    def __init__(self, events: _Events) -> None:
        self._events = events
        self._resolve: Callable[[type, str, tuple[bool, bool]], str] = Resolver().resolve
        self._constructor = SafeConstructor()
        self._anchors: dict[str, tuple[object, int]] = {}
        self._anchored = 0
        self._size = 0

    def value(self, event: yaml.Event) -> object:
        """Return the value that begins with ``event``, or the error that says why there is none.

        Either way its last event is read.
        """
        outside = self._events.depth - isinstance(event, yaml.CollectionStartEvent)
        self._size = 0
        try:
            return self._node(event)
        except HopelessError:
            raise
        except UnusableError as error:
            while self._events.depth > outside:
                self._events.next()
            return error

    def _node(self, event: yaml.Event) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "")
        before = self._size
        self._grow(YAML_NODE)
        value: object
        match event:
            case yaml.ScalarEvent():
                value = self._scalar(event)
            case yaml.SequenceStartEvent() if event.tag in _WRAPPED:
                value = self._wrapped()
            case yaml.CollectionStartEvent() if event.tag not in _COLLECTIONS:
                raise _refused(event.tag)
            case yaml.MappingStartEvent():
                value = self._mapping()
            case _:
                value = self._sequence()
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            self._remember(event.anchor, value, self._size - before)
        return value

    def _alias(self, anchor: str) -> object:
        if anchor not in self._anchors:
            raise UnusableError(f"alias *{anchor[:20]} has no value before it")
        value, size = self._anchors[anchor]
        self._grow(size)
        return value

    def _remember(self, anchor: str, value: object, size: int) -> None:
        self._anchored += size - self._anchors.get(anchor, (None, 0))[1]
        if self._anchored > MAX_ENTRY:
            raise HopelessError(f"anchors hold more than {MAX_ENTRY} bytes", self._events.line)
        self._anchors[anchor] = (value, size)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ENTRY:
            raise too_large()

    def _sequence(self) -> list[object]:
        values = []
        while not isinstance(event := self._events.next(), yaml.SequenceEndEvent):
            values.append(self._node(event))
        return values

    def _wrapped(self) -> str:
        match self._sequence():
            case [str() as text]:
                return text
        raise UnusableError("a header's name is no text")

    def _mapping(self) -> dict[object, object]:
        values = {}
        while not isinstance(event := self._events.next(), yaml.MappingEndEvent):
            key = self._node(event)
            if isinstance(key, list | dict):
                raise UnusableError("a key is a list or a mapping")
            values[key] = self._node(self._events.next())
        return values

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        tag, text = event.tag, event.value
        self._grow(len(text))
        if tag in {None, "!"}:
            tag = self._resolve(yaml.ScalarNode, text, event.implicit)
        if tag in _STRINGS:
            return text
        if tag in _BINARY:
            return unbase64(text)
        if tag not in _CONSTRUCTORS:
            raise _refused(tag)
        try:
            if len(text) <= _LONGEST_NUMBER:
                return _CONSTRUCTORS[tag](self._constructor, yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, IndexError):
            pass
        raise UnusableError(f"not a {tag.removeprefix(_YAML)}: {text[:20]}")


def _refused(tag: str | None) -> UnusableError:
    return UnusableError(
        f"YAML tag {(tag or '')[:100]!r} stands for an object, which is never built"
    )
