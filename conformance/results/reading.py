"""Results files, read again: what matrices, comparisons and reports are made of.

A file is a stranger's, and may be cut off or damaged anywhere: a line that is none is an error
that names it, and a file without its last line is read and marked as incomplete.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from conformance.model import Disposition
from conformance.results.rows import Asked, Parameter, Passage, Result, Row, Shown, Side
from conformance.results.writing import verdict_of

SUFFIXES: Final = (".jsonl", ".jsonl.gz")
LINE: Final = 4 * 1024 * 1024
"""The longest line that is read, in characters; ours are far shorter."""
_DAMAGE: Final = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What a line of another form raises."""


class BadResults(Exception):  # noqa: N818  # the file is at fault
    """A results file cannot be used; the message names file, line and what is wrong."""


@dataclass(slots=True)
class Run:
    """One results file."""

    path: str
    started: str = ""
    mode: str = ""
    tool: str = ""
    revision: str = ""
    rows: dict[str, Row] = field(default_factory=dict)
    news: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    complete: bool = False
    whole: bool = True
    """Whether no probe and no check was left out."""

    @property
    def tells_all(self) -> bool:
        """Whether what it does not tell could not be told."""
        return self.complete and self.whole and not self.problems

    def add(self, line: Mapping[str, Any]) -> None:
        """Take one line. Raises KeyError, TypeError or ValueError for one that is none of ours."""
        take = _TAKERS.get(line["type"])
        if take:  # a later version may write more
            take(self, line)

    def row(self, target: str) -> Row:
        """The row of a target."""
        return self.rows.setdefault(target, Row(target))


def _run(run: Run, line: Mapping[str, Any]) -> None:
    run.started, run.mode = str(line["started"]), str(line["mode"])
    run.tool, run.revision = str(line["tool"]), str(line["revision"])


def _target(run: Run, line: Mapping[str, Any]) -> None:
    row = run.row(str(line["target"]))
    row.provider, row.model = str(line["provider"]), str(line["model"])
    row.title, row.source = str(line["title"]), str(line["source"])
    row.software, row.base_url = str(line["software"]), str(line["base_url"])
    row.key = str(line["key"])
    row.recorded = (str(line["recorded"][0]), str(line["recorded"][1]))
    row.asked = {
        str(about): Asked(int(told["answered"]), int(told["asked"]), str(told["refusal"]))
        for about, told in line.get("asked", {}).items()
    }
    row.claims = None if line["claims"] is None else frozenset(map(str, line["claims"]))


def _verdict(run: Run, line: Mapping[str, Any]) -> None:
    verdict = verdict_of(line)
    row = run.row(verdict.target)
    row.provider, row.model = verdict.provider, verdict.model
    for capability, times in verdict.capabilities or ((verdict.check.partition(".")[0], 1),):
        key = capability, verdict.check
        result = row.results.setdefault(key, Result(verdict.check, verdict.level, example=verdict))
        result.outcomes[verdict.outcome] += times
        if verdict.findings:
            result.broken.append(verdict)
        elif verdict.reason and result.reason is None:
            result.reason = verdict.reason


def _evidence(run: Run, line: Mapping[str, Any]) -> None:
    shown = shown_of(line)
    for (_, check), result in run.row(str(line["target"])).results.items():
        if check == line["check"] and result.evidence is None and result.broken:
            result.evidence = shown


def _param(run: Run, line: Mapping[str, Any]) -> None:
    row = run.row(str(line["target"]))
    told = Parameter(
        name=str(line["param"]),
        disposition=Disposition(line["disposition"]),
        evidence=str(line["evidence"]),
        documented=_whether(line["documented"]),
        declared=_whether(line["declared"]),
    )
    (row.dropping if line["dropping"] == "on" else row.parameters)[told.name] = told


def _whether(value: Any) -> bool | None:
    if value not in (None, True, False):
        raise TypeError(f"{value!r:.40} is neither true nor false")
    return None if value is None else bool(value)


def _skipped(run: Run, line: Mapping[str, Any]) -> None:
    run.row(str(line["target"])).absent[str(line["probe"])] = str(line["reason"])


def _news(run: Run, line: Mapping[str, Any]) -> None:
    run.news.append(str(line["message"]))


def _problem(run: Run, line: Mapping[str, Any]) -> None:
    run.problems.append(str(line["message"]))


def _end(run: Run, line: Mapping[str, Any]) -> None:
    run.complete, run.whole = True, bool(line.get("whole", True))


_TAKERS: Final = {
    "run": _run,
    "target": _target,
    "verdict": _verdict,
    "evidence": _evidence,
    "param": _param,
    "skipped": _skipped,
    "news": _news,
    "problem": _problem,
    "end": _end,
}


def shown_of(line: Mapping[str, Any]) -> Shown:
    """The evidence in a line of it."""
    return Shown(
        exchange=str(line["exchange"]),
        method=str(line["method"]),
        url=str(line["url"]),
        headers=_pairs(line["headers"]),
        request=_passage(line["request"]),
        status=line["status"],
        response_headers=_pairs(line["response_headers"]),
        response=_passage(line["response"]),
        beyond=tuple(
            Side(
                method=str(side["method"]),
                url=str(side["url"]),
                request=_passage(side["request"]),
                status=side["status"],
                response=_passage(side["response"]),
            )
            for side in line.get("beyond", ())
        ),
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in pairs)


def _passage(value: Mapping[str, Any]) -> Passage:
    mark = value.get("mark")
    span = (int(mark[0]), int(mark[1])) if mark else None
    return Passage(str(value["text"]), span, whole=bool(value.get("whole", True)))


def read(path: Path) -> Run:
    """One results file, gzipped or not; one that breaks off is read as far as it goes.

    Raises BadResults.
    """
    run = Run(str(path))
    number = 0
    try:
        for number, text in enumerate(_lines(path), 1):  # noqa: B007  # the error names it
            run.add(json.loads(text))
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        kind = type(error).__name__
        said = f"{path}:{number}: no line of a results file ({kind}: {error})"
        raise BadResults(f"{said[:300]}; leave it out, or write it again") from error
    if not run.started:
        raise BadResults(
            f"{path}: no results file: its first line is no run; write one with --json"
        )
    return run


def began(path: Path) -> str:
    """When the run of a results file began, as an ISO text; nothing where nobody can tell."""
    try:
        first = json.loads(next(_lines(path), "{}"))
        return str(first.get("started", ""))
    except (OSError, *_DAMAGE):
        return ""


def _lines(path: Path) -> Iterator[str]:
    """The lines that are whole; one that was being written when the run was stopped is none."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file, suppress(EOFError):
        while line := file.readline(LINE):
            if len(line) == LINE:
                raise ValueError(f"a line is longer than {LINE:,} characters")
            if line.endswith("\n"):
                yield line


def find(paths: Iterable[Path]) -> list[Path]:
    """The results files among files and folders. Raises BadResults for a path that has none."""
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.rglob("*") if p.name.endswith(SUFFIXES) and p.is_file())
        if path.is_dir() and not inside:
            raise BadResults(
                f"{path}: no results files in it (names end in {' or '.join(SUFFIXES)})"
            )
        found += inside if path.is_dir() else [path]
    return list(dict.fromkeys(found))
