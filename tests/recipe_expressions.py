"""The few expressions that our workflows use, evaluated as GitHub evaluates them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

TOKEN: Final = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|[!(),]|[A-Za-z_][\w.-]*)")
INSIDE: Final = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
ENDED: Final = ""
Functions = Mapping[str, Callable[[], bool]]
STATUS: Final = ("success", "failure", "always", "cancelled")


class UnknownExpression(Exception):  # noqa: N818  # what it says
    """An expression that says what this does not know, and so what no test has tried."""


def filled(text: str, contexts: Mapping[str, Any], functions: Functions) -> str:
    """``text`` with every ``${{ }}`` replaced by its value."""
    return INSIDE.sub(lambda found: shown(value(found[1], contexts, functions)), text)


def condition(text: str, contexts: Mapping[str, Any], functions: Functions) -> bool:
    """Whether a step with this ``if`` is run: without a status function, only after successes."""
    inside = INSIDE.fullmatch(text.strip())
    said = inside[1] if inside else text
    asks_status = any(re.search(rf"\b{name}\(", said) for name in STATUS)
    return (asks_status or functions["success"]()) and bool(value(said, contexts, functions))


def shown(found: Any) -> str:
    """A value as text."""
    return str(found).lower() if isinstance(found, bool) else str(found)


def value(text: str, contexts: Mapping[str, Any], functions: Functions) -> Any:
    """What an expression comes to."""
    parser = _Parser(_tokens(text), contexts, functions)
    found = parser.either()
    if parser.left[0] != ENDED:
        raise UnknownExpression(text)
    return found


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        token = TOKEN.match(text, at)
        if token is None:
            raise UnknownExpression(text)
        tokens.append(token[1])
        at = token.end()
    return [*tokens, ENDED]


class _Parser:
    def __init__(
        self, tokens: list[str], contexts: Mapping[str, Any], functions: Functions
    ) -> None:
        self.left, self.contexts, self.functions = tokens, contexts, functions

    def either(self) -> Any:
        found = self.both()
        while self._next("||"):
            other = self.both()
            found = found or other
        return found

    def both(self) -> Any:
        found = self.compared()
        while self._next("&&"):
            other = self.compared()
            found = found and other
        return found

    def compared(self) -> Any:
        found = self.single()
        if self._next("=="):
            return found == self.single()
        if self._next("!="):
            return found != self.single()
        return found

    def single(self) -> Any:
        if self._next("!"):
            return not self.single()
        if self._next("("):
            found = self.either()
            self._closed()
            return found
        if self.left[0] == ENDED:
            raise UnknownExpression("an end that is none")
        token = self.left.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if self._next("("):
            self._closed()
            return self._named(self.functions, token)()
        return self._looked_up(token)

    def _looked_up(self, path: str) -> Any:
        found: Any = self.contexts
        for name in path.split("."):
            found = self._named(found, name)
        return found

    def _named(self, among: Mapping[str, Any], name: str) -> Any:
        try:
            return among[name]
        except (KeyError, TypeError):
            raise UnknownExpression(name) from None

    def _next(self, token: str) -> bool:
        if self.left[0] != token:
            return False
        self.left.pop(0)
        return True

    def _closed(self) -> None:
        if not self._next(")"):
            raise UnknownExpression(self.left[0])
