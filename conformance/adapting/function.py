"""An adapter that is a Python function: found, called within limits, its settings put back."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from conformance.adapting.returned import event, plain, raised, stream, whole
from conformance.adapting.worker import Worker
from conformance.model import MISSING, Chunk, Failure, Response
from conformance.targets import BadProvider, to_json

Json = dict[str, Any]
MOST: Final = 100_000
"""Pieces of a stream that are read."""
LEADING: Final = ("_API_KEY", "_API_BASE", "_BASE_URL", "_PROXY")
"""How the names of variables end that say where requests go, and with which key."""
_SETTING: Final = (str, int, float, bool, type(None))


class Function:
    """The function ``name``, which is ``module:function``; imported when this is made.

    Raises BadProvider where there is no such function.
    """

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        self._name = name
        self._call = found(name)
        self._worker = Worker()
        for place, value in settings.items():
            change(place, value)
        self._settings = self._scalars()

    async def ask(self, body: Json, timeout: float) -> tuple[Response | None, Failure | None]:  # noqa: ASYNC109  # the worker's
        """What comes of calling it with the members of ``body`` as its keywords."""
        try:
            return await self._worker.do(lambda: self._asked(body), timeout)
        except TimeoutError:
            self._worker = Worker()
            late = f"{self._name} did not return within {timeout:g} seconds"
            return None, Failure("deadline", late)

    def restore(self) -> None:
        """Undo what calls have changed of its package's settings."""
        package = vars(sys.modules[self._package])
        for name, value in self._settings.items():
            if package.get(name, MISSING) is not value:
                package[name] = value

    def _asked(self, body: Json) -> tuple[Response, Failure | None]:
        try:
            made = self._call(**body)
            awaited = hasattr(made, "__await__")
            if awaited:
                made = self._worker.awaited(made)
        except Exception as error:  # noqa: BLE001  # an adapter may raise anything
            return raised(error)
        if not (hasattr(made, "__next__") or hasattr(made, "__anext__")):
            return whole(made), None
        return self._streamed(self._pieces(made) if awaited else made)

    def _streamed(self, pieces: Iterator[Any]) -> tuple[Response, Failure | None]:
        chunks: list[Chunk] = []
        failure = None
        try:
            # What came before an exception stays.
            chunks.extend(event(to_json(plain(one))) for one in islice(pieces, MOST))
        except Exception as error:  # noqa: BLE001  # an adapter may raise anything
            refused, failure = raised(error)
            if not chunks:
                return refused, failure
            chunks.append(event(refused.body))
        else:
            chunks.append(event(b"[DONE]"))
        return stream(chunks), failure

    def _pieces(self, made: AsyncIterator[Any]) -> Iterator[Any]:
        while (piece := self._worker.awaited(anext(made, MISSING))) is not MISSING:
            yield piece

    @property
    def _package(self) -> str:
        return self._name.partition(":")[0].partition(".")[0]

    def _scalars(self) -> dict[str, Any]:
        """The settings of its package: the values of module attributes that are no objects."""
        members = vars(sys.modules[self._package]).items()
        return {n: v for n, v in members if isinstance(v, _SETTING) and not n.startswith("__")}


def found(name: str) -> Callable[..., Any]:
    """The function ``module:function``, which may lie in the current folder. Raises BadProvider."""
    module, _, attribute = name.partition(":")
    if os.getcwd() not in sys.path:  # noqa: PTH109  # as it stands in the path
        sys.path.insert(0, os.getcwd())  # noqa: PTH109  # likewise
    try:
        function: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        install = f"install it, or start in its folder: no module named {error.name}"
        raise BadProvider(f"{name} can't be called; {install}") from error
    except Exception as error:  # a stranger's module may raise anything
        raise BadProvider(f"{name} can't be called: {type(error).__name__}: {error}") from error
    return function


def change(place: str, value: Any) -> None:
    """Set a module's attribute: ``place`` is its dotted name. Raises BadProvider."""
    module, _, attribute = place.rpartition(".")
    try:
        setattr(importlib.import_module(module), attribute, value)
    except ImportError as error:
        raise BadProvider(f"{place} can't be set: {error}") from error


@contextmanager
def environment(given: Mapping[str, str]) -> Iterator[None]:
    """The process's environment as an adapter is to see it: nothing of the user's leads astray.

    Addresses and keys of providers, and proxies, are out of it, and ``given`` is in it.
    """
    before = dict(os.environ)
    try:
        for name in before:
            if name.upper().endswith(LEADING) or name.startswith("AWS_"):
                del os.environ[name]
        os.environ.update(given)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
