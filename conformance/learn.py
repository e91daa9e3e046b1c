"""Writes what fails into a provider's file as known failures, and takes out what no longer does."""

from __future__ import annotations

import glob
import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from conformance.expect import covers
from conformance.model import Level, Outcome, Verdict
from conformance.provider_file import SHIPPED
from conformance.report.board import Board
from conformance.report.terminal import example
from conformance.targets import BadProvider, Known, Target

Named = Callable[[Target | Verdict], str]
FIRST_ENTRY: Final = re.compile(r"^[ \t]*\[\[\s*known\s*\]\]", re.MULTILINE)


def learn(board: Board, targets: Sequence[Target], folder: Path) -> Iterator[Path]:
    """Bring the ``[[known]]`` entries of every provider in ``board`` up to date.

    Yields the files that changed: those in ``folder``, else those shipped. Reasons and dates that
    are there stay, and so do the entries of models and checks that had no say in this run. The
    entries stand at the end of the file; what is above them is left as it is.

    Raises BadProvider for a file that has more than entries below the first of them, and OSError.
    """
    by_provider: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        if target.name in board.rows:
            by_provider[target.provider].append(target)
    for provider, members in by_provider.items():
        places = (place / f"{provider}.toml" for place in (folder, SHIPPED))
        path = next((path for path in places if path.exists()), None)
        if path and _write(path, list(known_now(members[0].known, board, members))):
            yield path


def _write(path: Path, known: Sequence[Known]) -> bool:
    """Replace the entries at the end of the file; says whether that changed anything."""
    before = path.read_bytes().decode()  # line ends stay as they are
    first = FIRST_ENTRY.search(before)
    head = before[: first.start()] if first else before
    after = head.rstrip() + "\n" + "".join(map(entry, known))
    if after == before or not (first or known):
        return False
    if _but_known(after) != _but_known(before):
        raise BadProvider(f"{path}: known failures can't be written; move them to the file's end")
    path.write_bytes(after.encode())
    return True


def _but_known(text: str) -> dict[str, Any]:
    """What a file says besides; nothing if it is no longer TOML."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}
    table.pop("known", None)
    return table


def known_now(
    before: Sequence[Known],
    board: Board,
    targets: Sequence[Target],
    named: Named = lambda one: one.model,
) -> Iterator[Known]:
    """What is known of ``targets`` from now on, by check; ``before`` is what was.

    ``named`` is what the patterns of an entry match.
    """
    failing: dict[str, list[Verdict]] = defaultdict(list)
    told: dict[str, set[str]] = defaultdict(set)
    for target in targets:
        row = board.rows[target.name]
        for area in row.areas.values():
            for check in area.told:
                told[check].add(named(target))
        for level in (Level.MUST, Level.SHOULD):
            for verdict in (*row.failures(level), *row.failures(level, known=True)):
                failing[verdict.check].append(verdict)
    kept = [_kept(one, failing[one.check], told[one.check], named) for one in before]
    new = [
        made
        for check, verdicts in failing.items()
        for made in _new(check, [v for v in verdicts if not _is_covered(v, kept, named)], named)
    ]
    yield from sorted([*(one for one in kept if one.models), *new], key=lambda one: one.check)


def _kept(known: Known, failing: Sequence[Verdict], told: set[str], named: Named) -> Known:
    """An entry without the models that no longer fail; one that comes and goes stays."""
    broken = {named(verdict) for verdict in failing if covers(known, verdict)}
    models = [
        pattern
        for pattern in known.models
        if known.outcome == Outcome.FLAKY
        or any(fnmatchcase(model, pattern) for model in broken)
        or not any(fnmatchcase(model, pattern) for model in told)
    ]
    return replace(known, models=tuple(models))


def _is_covered(verdict: Verdict, known: Sequence[Known], named: Named) -> bool:
    return any(
        covers(one, verdict) and any(fnmatchcase(named(verdict), p) for p in one.models)
        for one in known
    )


def _new(check: str, verdicts: Sequence[Verdict], named: Named) -> Iterator[Known]:
    """An entry for each outcome that nobody knew of."""
    for outcome in sorted({verdict.outcome for verdict in verdicts}):
        same = [verdict for verdict in verdicts if verdict.outcome == outcome]
        yield Known(
            check=check,
            reason=example(same[0].findings[0]),
            models=tuple(sorted(glob.escape(named(verdict)) for verdict in same)),
            outcome=outcome,
            since=datetime.now(UTC).date().isoformat(),
        )


def entry(known: Known, models: str = "models") -> str:
    """One ``[[known]]`` of a TOML file; ``models`` is what its patterns are called there."""
    patterns = ", ".join(map(string, known.models))
    lines = [
        "",
        "[[known]]",
        f"check = {string(known.check)}",
        f"{models} = [{patterns}]",
        f"outcome = {string(known.outcome)}",
        f"reason = {string(known.reason)}",
    ]
    if known.since:
        lines.append(f"since = {known.since}")
    if known.until:
        lines.append(f"until = {known.until}")
    return "\n".join(lines) + "\n"


def string(text: str) -> str:
    """Text as a TOML string: as in JSON, but that TOML has DEL escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
