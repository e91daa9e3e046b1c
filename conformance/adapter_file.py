"""An adapter's file: one TOML file an adapter, whose name is the adapter's.

An adapter takes requests in OpenAI's form and speaks to providers. It is a Python function, or a
program that serves HTTP. Those shipped are in ``conformance/adapters``; a user's own, in a folder
of theirs, are read the same way and win.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conformance.model import Headers
from conformance.scrub import Scrubber
from conformance.targets import CAPABILITIES, BadProvider, Target, a_base_url
from conformance.toml_file import TomlFile

SHIPPED: Final = Path(__file__).parent / "adapters"
UPSTREAM: Final = "{upstream}"
"""Stands for the address of the stage, where an adapter's file needs it."""
TIMEOUT: Final = 30.0
"""Seconds an adapter may take for one request: what it speaks to answers at once."""
DEADLINE: Final = 120.0
"""Seconds a program may take until it is ready."""
NOWHERE: Final = "http://adapter.test/v1"
"""The base URL of an adapter that is a function; requests to it are never sent."""
_FUNCTION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_PROVIDER: Final = (
    "models calls_it host give moved headers documented capabilities lacks reasoning recorded"
)
_MEMBERS: Final = (
    "title call start version ready base_url upstream_port headers files distribution software "
    "fingerprint declares side environment settings dropping timeout providers"
)


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider as an adapter reaches it."""

    provider: str
    calls_it: str
    """What a request calls the model, with ``{model}`` in it."""
    host: str | None
    """Where the adapter's requests are to go; None for anywhere."""
    give: Mapping[str, Any]
    """Members that every request bears: a key, an API version."""
    moved: Mapping[str, Any] | None
    """Members that lead it to ``{upstream}`` instead of its usual address; None where none do."""
    headers: Mapping[str, str]
    """Header fields that do the same for an adapter over HTTP."""
    recorded: str | None = None
    """The target whose recordings it answers with; the stand-in where None."""


@dataclass(frozen=True, slots=True)
class Dropping:
    """How an adapter is told to drop what a provider does not take."""

    members: Mapping[str, Any] = field(default_factory=dict)
    """In each request."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Once for all: attributes of its module, by their dotted names."""


@dataclass(frozen=True, slots=True)
class Program:
    """A server that is started: its command, and how to tell that it is ready."""

    command: tuple[str, ...]
    version: tuple[str, ...]
    """The command that prints its version; empty where none does."""
    ready: str
    base_url: str
    files: Mapping[str, str]
    """Written into the folder it runs in, before it starts."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter: how it is called, where it leads, and the targets behind it."""

    name: str
    title: str
    call: str | None
    """The function, as ``module:function``; None for one that is reached over HTTP."""
    program: Program | None
    """What is started; None for a function, and for a server that is there already."""
    base_url: str
    port: int
    """Where the stage is to listen, for a server whose settings name it; 0 for anywhere."""
    headers: Headers
    distribution: str | None
    """The installed package whose version is the adapter's."""
    software: str | None
    """What it is called in results, where no installed package tells."""
    fingerprint: str | None
    """A file of the distribution on which its behaviour depends, as ``package/path``."""
    declares: str | None
    """A function that says which parameters a model takes, as ``module:function``."""
    side: tuple[str, ...]
    """Hosts that it may reach besides; they are answered 404."""
    environment: Mapping[str, str]
    settings: Mapping[str, Any]
    dropping: Dropping | None
    timeout: float
    upstreams: Mapping[str, Upstream]
    targets: tuple[Target, ...]

    def upstream_of(self, target: Target) -> Upstream:
        """The provider behind one of its targets."""
        return self.upstreams[target.provider.partition(":")[2]]


def load(folders: Iterable[Path] = ()) -> dict[str, Path]:
    """The files of every adapter by name: those shipped, then those of ``folders``, which win."""
    places = (SHIPPED, *folders)
    return {path.stem: path for place in places for path in sorted(place.glob("*.toml"))}


def read(path: Path) -> Adapter:
    """One adapter's file. Raises BadProvider, naming file, line and the way to mend it."""
    file, table = _File.opened(path)
    for number, line in enumerate(file.text.splitlines(), start=1):
        if Scrubber().text(line) != line:
            fix = "it all stays on this machine, so make one up, like sk-adapter"
            raise BadProvider(f"{path}:{number}: this looks like a key: {fix}")
    return file.adapter(table)


class _File(TomlFile):
    """Reads the tables of one adapter's file."""

    def adapter(self, table: dict[str, Any]) -> Adapter:
        self.only(table, _MEMBERS)
        name = self.path.stem
        upstreams = {one.provider: one for one in self.upstreams(table)}
        return Adapter(
            name=name,
            title=self.text_of(table, "title") or name,
            call=self.function(table, "call"),
            program=self.program(table),
            base_url=self.base_url(table),
            port=self.number(table, "upstream_port") or 0,
            headers=Headers(self.texts(table, "headers").items()),
            distribution=self.text_of(table, "distribution"),
            software=self.text_of(table, "software"),
            fingerprint=self.text_of(table, "fingerprint"),
            declares=self.function(table, "declares"),
            side=tuple(self.strings(table, "side")),
            environment=self.texts(table, "environment"),
            settings=self.table(table, "settings"),
            dropping=self.dropping(table),
            timeout=float(self.number(table, "timeout") or TIMEOUT),
            upstreams=upstreams,
            targets=tuple(self.targets(table)),
        )

    def function(self, table: dict[str, Any], name: str) -> str | None:
        value = self.text_of(table, name)
        if value and not _FUNCTION.fullmatch(value):
            raise self.bad(name, "give a Python function as module:function")
        return value

    def program(self, table: dict[str, Any]) -> Program | None:
        if not self.command(table, "start"):
            return None
        return Program(
            command=self.command(table, "start"),
            version=self.command(table, "version"),
            ready=self.text_of(table, "ready") or "/",
            base_url=self.text_of(table, "base_url") or "http://127.0.0.1:{port}/v1",
            files=self.texts(table, "files"),
        )

    def command(self, table: dict[str, Any], name: str) -> tuple[str, ...]:
        """The words of a command, as a shell would part them; none where it is not given."""
        try:
            return tuple(shlex.split(self.text_of(table, name) or ""))
        except ValueError as error:
            raise self.bad(name, f"make it a command as for a shell: {error}") from error

    def base_url(self, table: dict[str, Any]) -> str:
        """Where it is asked, or what stands for that."""
        given = self.text_of(table, "base_url")
        if sum(name in table for name in ("call", "start")) > 1 or ("call" in table and given):
            raise self.bad("call", "an adapter is a function, or served over HTTP: leave one out")
        if "call" in table or "start" in table:
            return NOWHERE
        try:
            return a_base_url(given or "")
        except BadProvider:
            fix = 'say what it is: call = "module:function", start = "command", or base_url = "…"'
            raise self.bad("base_url", fix) from None

    def dropping(self, table: dict[str, Any]) -> Dropping | None:
        if "dropping" not in table:
            return None
        given, here = self.table(table, "dropping"), self.under("dropping")
        here.only(given, "members settings")
        return Dropping(here.table(given, "members"), here.table(given, "settings"))

    def upstreams(self, table: dict[str, Any]) -> Iterator[Upstream]:
        providers = self.table(table, "providers")
        if not providers:
            raise self.bad("providers", "name at least one provider: [providers.its_name]")
        for provider in providers:
            given, here = self.table(providers, provider), self.behind(provider)
            here.only(given, _PROVIDER)
            yield Upstream(
                provider=provider,
                calls_it=here.text_of(given, "calls_it") or "{model}",
                host=here.text_of(given, "host"),
                give=here.table(given, "give"),
                moved=here.table(given, "moved") if "moved" in given else None,
                headers=here.texts(given, "headers"),
                recorded=here.text_of(given, "recorded"),
            )

    def targets(self, table: dict[str, Any]) -> Iterator[Target]:
        for provider, given in self.table(table, "providers").items():
            here = self.behind(provider)
            models = here.strings(given, "models")
            if not models:
                raise here.bad("models", 'name at least one model: models = ["its-name"]')
            reasoning = here.names(given, "reasoning", frozenset(models))
            able = CAPABILITIES - {"reasoning"}
            if "capabilities" in given:
                able = here.names(given, "capabilities", CAPABILITIES)
            lacks, there = here.table(given, "lacks"), self.behind(provider, "lacks")
            there.only(lacks, models)
            for model in models:
                yield Target(
                    provider=f"{self.path.stem}:{provider}",
                    model=model,
                    base_url=NOWHERE,
                    endpoints=frozenset({"chat"}),
                    capabilities=able - there.names(lacks, model, CAPABILITIES)
                    | ({"reasoning"} if model in reasoning else set()),
                    parameters=frozenset(here.strings(given, "documented")),
                    adapter=self.path.stem,
                    wire="call" not in table,
                )

    def behind(self, provider: str, table: str = "") -> _File:
        """The same, for the table of one provider, or a table in it."""
        inner = rf"\s*\.\s*{table}" if table else ""
        return self.under(rf"providers\s*\.\s*([\"']?){re.escape(provider)}\1{inner}")

    def texts(self, table: dict[str, Any], name: str) -> dict[str, str]:
        """A table of strings in ``table``; empty where it is not given."""
        found = self.table(table, name)
        for member, value in found.items():
            if not isinstance(value, str):
                raise self.under(name).bad(member, "make it a string")
        return found
