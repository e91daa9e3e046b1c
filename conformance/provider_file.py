"""A provider's file: one TOML file a provider, whose name is the provider's.

Those shipped are in ``conformance/providers``; a user's own, in a folder of theirs, are read the
same way and win. A mistake is told with file, line and the way to mend it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from conformance.model import Headers, Outcome
from conformance.scrub import Scrubber
from conformance.targets import (
    CAPABILITIES,
    ENDPOINTS,
    LIMITS,
    TIMEOUT,
    VARIABLE,
    BadProvider,
    Known,
    Target,
    a_base_url,
)
from conformance.toml_file import TomlFile

SHIPPED: Final = Path(__file__).parent / "providers"
CREDENTIALS: Final = ("authorization", "proxy-authorization", "cookie", "api-key", "x-api-key")
"""Headers that hold secrets."""
_MEMBERS: Final = (
    "title base_url key key_header software note headers source limits claims models known"
)


def load(folders: Iterable[Path] = ()) -> dict[str, list[Target]]:
    """Every target by provider: those shipped, then those of ``folders``, which win.

    Raises BadProvider.
    """
    found: dict[str, list[Target]] = {}
    for folder in (SHIPPED, *folders):
        for path in sorted(folder.glob("*.toml")):
            found[path.stem] = read(path)
    return found


def read(path: Path) -> list[Target]:
    """The targets of one provider's file, in the order they stand in. Raises BadProvider."""
    file, table = _File.opened(path)
    return list(file.targets(table))


class _File(TomlFile):
    """Reads the tables of one provider's file."""

    def targets(self, table: dict[str, Any]) -> Iterator[Target]:
        self.only(table, _MEMBERS)
        models = self.table(table, "models")
        if not models:
            raise self.bad("models", 'name at least one model: [models."its-name"]')
        self.source(self.table(table, "source"))
        shared = self.target(table, models)
        claims, here = self.table(table, "claims"), self.under("claims")
        here.only(claims, "endpoints capabilities parameters")
        here.claims(shared, claims)
        for name in models:
            here = self.under(rf"models\s*\.\s*([\"']?){re.escape(name)}\1")
            model = here.table(models, name)
            here.only(model, "context endpoints capabilities parameters limit reasoning note")
            limit = here.text_of(model, "limit") or shared.limit
            if limit not in LIMITS:
                raise here.bad("limit", f"choose from {', '.join(LIMITS)}")
            here.number(model, "context")
            yield replace(here.claims(shared, claims | model), model=name, limit=limit)

    def target(self, table: dict[str, Any], models: Iterable[str]) -> Target:
        """What all models have in common."""
        limits, here = self.table(table, "limits"), self.under("limits")
        here.only(limits, "concurrency rpm timeout")
        headers = self.table(table, "headers")
        secret = [n for n, value in headers.items() if _is_secret(n, value)]
        if secret:
            raise self.under("headers").bad(
                secret[0], "secrets go into the variable that key names"
            )
        return Target(
            provider=self.path.stem,
            model="",
            base_url=self.base_url(table),
            title=self.text_of(table, "title") or "",
            key=self.variable(table),
            key_header=(self.text_of(table, "key_header") or "authorization").lower(),
            headers=Headers((n, self.under("headers").text_of(headers, n) or "") for n in headers),
            software=self.text_of(table, "software"),
            concurrency=here.number(limits, "concurrency") or 8,
            rpm=here.number(limits, "rpm"),
            timeout=float(here.number(limits, "timeout") or TIMEOUT),
            known=tuple(self.known(table.get("known", []), list(models))),
        )

    def claims(self, target: Target, own: dict[str, Any]) -> Target:
        """``target`` with what is said of it."""
        if own.get("reasoning") not in (None, True, False):
            raise self.bad("reasoning", "make it true or false")
        more = {"reasoning"} if own.get("reasoning") else set()
        return replace(
            target,
            endpoints=self.names(own, "endpoints", ENDPOINTS),
            capabilities=self.names(own, "capabilities", CAPABILITIES) | more,
            parameters=frozenset(self.strings(own, "parameters")),
        )

    def variable(self, table: dict[str, Any]) -> str | None:
        """The name of the variable with the key; what is none may be a key, and is not shown."""
        name = self.text_of(table, "key")
        if name and not VARIABLE.fullmatch(name):
            raise self.bad("key", "give the name of an environment variable, never the key itself")
        return name

    def base_url(self, table: dict[str, Any]) -> str:
        try:
            return a_base_url(self.text_of(table, "base_url") or "")
        except BadProvider:
            fix = 'give one like base_url = "https://api.example.com/v1"'
            raise self.bad("base_url", fix) from None

    def source(self, table: dict[str, Any]) -> None:
        self.under("source").only(table, "url read verified")
        if not isinstance(table.get("url"), str) or not isinstance(table.get("read"), date):
            fix = 'say where the claims are from: url = "https://…" and read = 2026-01-31'
            raise self.bad("source", fix)

    def known(self, entries: Any, models: Sequence[str]) -> Iterator[Known]:
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise self.bad("known", "make each one a table: [[known]]")
        for number, given in enumerate(entries):
            here = self.under(r"\[\s*known\s*\]", number)
            here.only(given, "check models outcome reason since")
            entry = {"models": ["*"], "outcome": "fail", "since": ""} | given
            for name in ("check", "reason"):
                if not here.text_of(entry, name):
                    raise here.bad(name, f"a known failure needs {name} = …")
            if entry["outcome"] not in list(Outcome):
                raise here.bad("outcome", f"choose from {', '.join(Outcome)}")
            if entry["since"] and not isinstance(entry["since"], date):
                raise here.bad("since", "make it a date: since = 2026-01-31")
            patterns = here.strings(entry, "models")
            yield Known(
                check=entry["check"],
                reason=entry["reason"],
                models=tuple(patterns),
                outcome=entry["outcome"],
                since=str(entry["since"]),
                where=here.place(here.start),
                strangers=tuple(p for p in patterns if not any(fnmatchcase(m, p) for m in models)),
            )


def _is_secret(name: str, value: object) -> bool:
    """Whether a header is one for secrets, or its value looks like a key."""
    return name.lower() in CREDENTIALS or Scrubber().text(str(value)) != str(value)
