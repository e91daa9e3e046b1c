"""The APIs that providers speak, one file each: read, and written, in the words of OpenAI's.

An adapter takes OpenAI's chat completions and speaks a provider's own API. What it made of a
request, and of the answer, can only be told by reading both sides in the same words.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from conformance.dialects.base import Called, Dialect, Json, Meaning, Refused
from conformance.model import Exchange, Request

__all__ = ["Called", "Dialect", "Json", "Meaning", "Refused", "dialects", "meaning", "of"]


@cache
def dialects() -> tuple[Dialect, ...]:
    """Every dialect: the subclasses of :class:`Dialect` in the modules of this package."""
    found = []
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        members = vars(importlib.import_module(module.name)).values()
        found += [
            member()
            for member in members
            if isinstance(member, type)
            and issubclass(member, Dialect)
            and member.__module__ == module.name
            and not member.__abstractmethods__
        ]
    return tuple(sorted(found, key=lambda dialect: dialect.name))


def of(request: Request) -> Dialect | None:
    """The dialect a request is made in; None for one that nobody here speaks."""
    return next((dialect for dialect in dialects() if dialect.speaks(request)), None)


def meaning(exchange: Exchange) -> Meaning | None:
    """What a reply says; None where its API is unknown, or it cannot be read."""
    dialect = of(exchange.request)
    return dialect.meaning(exchange) if dialect and exchange.response else None
