"""A ``curl`` line that asks again what an exchange asked."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Final
from urllib.parse import urljoin

from conformance.model import Source
from conformance.results.rows import Row, Shown

KEY: Final = "API_KEY"
"""The variable of the key where nobody names one."""
LONGEST: Final = 100_000
"""Characters of a body that still fit into one argument of a command."""
OWN: Final = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "transfer-encoding", "user-agent"}
)
"""Headers that curl sees to itself."""
CREDENTIALS: Final = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
FILTERED: Final = (Source.RECORDING, Source.DOCUMENTED)
"""Who may have left headers out of what they recorded."""
_MASK: Final = re.compile(r"\[key\**\]")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_WEB: Final = re.compile(r"https?://[^\s]+")
_NOWHERE: Final = re.compile(r"https?://(?:[^/?#]*[.@])?(?:test|invalid)(?::\d*)?(?:[/?#]|$)")
"""Names that are nobody's (RFC 6761), such as that of an adapter that is a function."""
_NAME: Final = re.compile(r"[!#-'*+.^-`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110 section 5.1); curl takes one that begins with ``@`` for a file."""


def curl(row: Row, shown: Shown) -> str | None:
    """The command, an option a line; the key is a variable of the shell.

    None where it would not ask the same: the body is not there as a whole or a key in it is masked,
    nobody knows the address, or there is something in it that a terminal must not be given.
    """
    url, body = _url(row, shown.url), shown.request.text
    hidden = not shown.request.whole or len(body) > LONGEST or _MASK.search(body)
    odd = not all(_NAME.fullmatch(name) for name, _ in shown.headers)
    if not url or hidden or odd or not _METHOD.fullmatch(shown.method):
        return None
    key = row.key if _VARIABLE.fullmatch(row.key) else KEY
    lines = [f"curl --include --globoff {_word(url, key)}"]
    if shown.method != ("POST" if body else "GET"):
        lines.append(f"--request {shown.method}")
    lines += [f"--header {_word(f'{name}: {value}', key)}" for name, value in _headers(row, shown)]
    if body:
        lines.append(f"--data-raw {shlex.quote(body)}")
    command = " \\\n  ".join(lines)
    plain = all(char.isprintable() or char in "\n\t" for char in command)
    return command if plain and not any("\n" in word for word in lines[:-1]) else None


def _url(row: Row, url: str) -> str | None:
    """The whole address; a recorder may have kept the path alone."""
    try:
        whole = urljoin(row.base_url, url) if url.startswith("/") else url
    except ValueError:
        return None
    return whole if _WEB.fullmatch(whole) and not _NOWHERE.match(whole) else None


def _headers(row: Row, shown: Shown) -> Iterator[tuple[str, str]]:
    """Those that were sent, and those without which no provider answers where they were lost."""
    kept = [(name.lower(), value) for name, value in shown.headers]
    yield from ((name, value) for name, value in kept if name not in OWN)
    names = {name for name, _ in kept}
    lost = row.source in FILTERED
    if shown.request.text and "content-type" not in names:
        yield "content-type", "application/json" if lost else ""
    if lost and not names & CREDENTIALS:
        yield "authorization", "Bearer [key]"


def _word(text: str, key: str) -> str:
    """One argument, in which the variable stands for each mask."""
    parts = [shlex.quote(part) if part else "" for part in _MASK.split(text)]
    return f'"${key}"'.join(parts)
