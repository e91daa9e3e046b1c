"""``@probe``: what is asked of a target, apart from how it travels and who judges it.

A probe is a generator over requests: it yields one, is given the reply, and may go on from there,
so that a tool round trip is one function. It does no I/O and draws no lots. The same replies lead
to the same requests, which is what makes a recording replayable.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from conformance.model import Request
from conformance.targets import CAPABILITIES, CIRCUMSTANCES, ENDPOINTS, Target

Steps = Generator[Request | list[Request], Any, None]
"""Requests go out, the recognised replies come back; None where there was none.

A list of requests is asked all at once, and a list of replies comes back.
"""
MOST: Final = 32
"""How many exchanges one probe may take, retries included, before it is stopped."""


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One purpose-built conversation with a target; ``summary`` says what it is for."""

    id: str
    summary: str
    endpoint: str
    needs: frozenset[str]
    lacks: frozenset[str]
    opens: bool
    function: Callable[[Target], Steps]

    @property
    def suite(self) -> str:
        """The part of the id before the first dot."""
        return self.id.partition(".")[0]

    def suits(self, target: Target) -> bool:
        """Whether the target claims what this probe needs, and nothing it must not have."""
        return (
            self.endpoint in target.endpoints
            and self.needs <= target.abilities
            and not self.lacks & target.abilities
        )

    def belongs_to(self, opener: Probe) -> bool:
        """Whether this asks about the area that ``opener`` opens."""
        return self.endpoint == opener.endpoint and self.needs >= opener.needs

    def start(self, target: Target) -> Steps:
        """The conversation, from its beginning."""
        return self.function(target)


_probes: dict[str, Probe] = {}


def probe(
    endpoint: str,
    *,
    needs: Iterable[str] = (),
    lacks: Iterable[str] = (),
    opens: bool = False,
) -> Callable[[Callable[[Target], Steps]], Probe]:
    """Make a probe of a generator function; its id is ``<module>.<function name>``.

    ``endpoint`` is the one it uses; ``needs`` names capabilities a target must claim to be asked at
    all, ``lacks`` those it must not claim: a picture for a model that has no eyes. The simplest
    probe of an area ``opens`` it: where it is refused, the area is not there.

    Raises TypeError for a probe without docstring or with an unknown endpoint or capability, and
    for an id that is taken.
    """

    def register(function: Callable[[Target], Steps]) -> Probe:
        summary = (inspect.getdoc(function) or "").partition("\n")[0]
        made = Probe(
            id=f"{function.__module__.rpartition('.')[2]}.{function.__name__}",
            summary=summary,
            endpoint=endpoint,
            needs=frozenset(needs),
            lacks=frozenset(lacks),
            opens=opens,
            function=function,
        )
        unknown = (made.needs | made.lacks) - CAPABILITIES.union(CIRCUMSTANCES)
        if endpoint not in ENDPOINTS or unknown:
            raise TypeError(f"{made.id} names no endpoint or capability: {endpoint}, {unknown}")
        if not summary:
            raise TypeError(f"{made.id} needs a docstring that says what it is for")
        if made.id in _probes:
            raise TypeError(f"two probes are called {made.id}")
        _probes[made.id] = made
        return made

    return register


@cache
def probes() -> Mapping[str, Probe]:
    """Every probe by id, in the order of their ids."""
    import conformance.probes  # noqa: PLC0415  # they import this module

    for module in pkgutil.iter_modules(conformance.probes.__path__, "conformance.probes."):
        importlib.import_module(module.name)
    return MappingProxyType(dict(sorted(_probes.items())))
