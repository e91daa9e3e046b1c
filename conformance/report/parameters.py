"""The table of parameters: for a terminal a letter a cell, for a page everything."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from conformance.dispositions import Cell, Tally, tally
from conformance.model import Disposition
from conformance.report.terminal import printable

LETTERS: Final = {
    Disposition.FORWARDED: "f",
    Disposition.RENAMED: "r",
    Disposition.TRANSLATED: "t",
    Disposition.SENT_BY_DEFAULT: "s",
    Disposition.HONOURED: "h",
    Disposition.ACCEPTED_UNVERIFIED: "a",
    Disposition.RAISED: "x",
    Disposition.REJECTED: "x",
    Disposition.REJECTED_BADLY: "X",
    Disposition.DROPPED: "-",
    Disposition.CHANGED: "C",
    Disposition.IGNORED: "I",
    Disposition.LOST: "L",
    Disposition.DEAD: ".",
    Disposition.UNKNOWN: "?",
}
STYLES: Final = {"C": "bold red", "I": "bold red", "L": "bold red", "X": "red", "x": "yellow"}
ACROSS: Final = 45
"""Targets beside each other: with the names of parameters they fit into 120 columns."""
WIDTH: Final = 120
"""Columns of the table of letters."""
NAMED: Final = 3
"""Targets that are named where more have the same."""


def line(cell: Cell) -> dict[str, Any]:
    """A cell as its line of the results file."""
    return {
        "type": "param",
        "target": cell.target,
        "param": cell.parameter,
        "dropping": _mode(cell),
        "documented": cell.documented,
        "declared": cell.declared,
        "disposition": cell.disposition,
        "evidence": cell.evidence,
    }


def table(console: Console, cells: Sequence[Cell], undeclared: Sequence[tuple[str, str]]) -> None:
    """Print what was measured; ``undeclared`` are targets and parameters dropped without cause."""
    letters(console, cells)
    counted = tally(cells)
    for text in _silent(counted.silent):
        console.print(text, soft_wrap=True)
    for text in _grouped("dropped, though taken otherwise", undeclared):
        console.print(text, soft_wrap=True)
    for count in counts(counted, undeclared):
        console.print(Text(count, "bold"))


def letters(console: Console, cells: Sequence[Cell]) -> None:
    """Print a letter for what becomes of each parameter at each target, dropping off."""
    off = [cell for cell in cells if not cell.dropping]
    targets = list(dict.fromkeys(cell.target for cell in off))
    for start in range(0, len(targets), ACROSS):
        _block(console, targets[start : start + ACROSS], off)
    used = [d for d in LETTERS if any(cell.disposition is d for cell in off)]
    words = "  ".join(f"{LETTERS[d]} {d.replace('_', ' ')}" for d in used)
    if any(cell.documented is not None for cell in off):
        words += "  ! documented, and not delivered"
    console.print(Text(words, "dim"), soft_wrap=True)
    console.print()


def _block(console: Console, targets: Sequence[str], cells: Iterable[Cell]) -> None:
    """Parameters as rows, targets as numbered columns, and who they are."""
    rows: dict[str, dict[str, Cell]] = defaultdict(dict)
    for cell in cells:
        rows[cell.parameter][cell.target] = cell
    width = max(map(len, rows))
    numbers = [f"{i:>2}" for i in range(1, len(targets) + 1)]
    for digit in (0, 1):
        console.print(Text(" " * width + "".join(f"{n[digit]:>2}" for n in numbers), "dim"))
    for parameter, row in rows.items():
        text = Text(f"{printable(parameter):<{width}}")
        for target in targets:
            _mark(text, row.get(target))
        console.print(text, soft_wrap=True)
    for number, target in zip(numbers, targets, strict=True):
        console.print(Text(f"{number:>3} {printable(target)}", "dim"), soft_wrap=True)
    console.print()


def _mark(text: Text, cell: Cell | None) -> None:
    letter = LETTERS[cell.disposition] if cell else " "
    failed = cell and cell.documented and cell.delivered is False
    text.append("!" if failed else " ", "bold red")
    text.append(letter, STYLES.get(letter, ""))


def _silent(cells: Iterable[Cell]) -> Iterator[Text]:
    for kind in (Disposition.LOST, Disposition.CHANGED, Disposition.IGNORED):
        found = [(cell.target, cell.parameter) for cell in cells if cell.disposition is kind]
        yield from _grouped(kind, found)


def _grouped(what: str, found: Iterable[tuple[str, str]]) -> Iterator[Text]:
    """A line for each parameter, with the targets it is about."""
    by_parameter: dict[str, list[str]] = defaultdict(list)
    for target, parameter in found:
        by_parameter[parameter].append(target)
    for parameter, targets in sorted(by_parameter.items(), key=lambda item: -len(item[1])):
        more = f" and {len(targets) - NAMED} more" if len(targets) > NAMED else ""
        named = ", ".join(targets[:NAMED]) + more
        text = Text(f"{what}  ", "red")
        text.append(f"{printable(parameter)}  ", "bold")
        text.append(printable(named))
        yield text


def counts(counted: Tally, undeclared: Sequence[Any]) -> Iterator[str]:
    """Words against deeds, a line each."""
    if counted.is_documented:
        yield f"{len(counted.undelivered):>5,} documented, and not delivered"
        yield f"{len(counted.undocumented):>5,} delivered, and documented of others only"
    else:
        yield "      nobody says what is documented"
    if counted.is_declared:
        yield f"{len(counted.overdeclared):>5,} declared, and not delivered"
        yield f"{len(counted.undeclared):>5,} delivered, and not declared"
    else:
        yield "      nobody says what is declared"
    yield f"{len(counted.silent):>5,} lost, changed or ignored without a word"
    yield f"{len(undeclared):>5,} dropped on demand, though taken without"


def page(cells: Sequence[Cell], undeclared: Sequence[tuple[str, str]], title: str) -> str:
    """Everything as Markdown: the counts, a letter a cell, then a table a target."""
    glance = io.StringIO()
    letters(Console(file=glance, width=WIDTH, no_color=True), cells)
    lines = [f"# Parameters: {title}", ""]
    lines += [f"- {text.strip()}" for text in counts(tally(cells), undeclared)]
    lines += ["", "```text", glance.getvalue().rstrip(), "```"]
    by_target: dict[str, dict[str, dict[bool, Cell]]] = defaultdict(lambda: defaultdict(dict))
    for cell in cells:
        by_target[cell.target][cell.parameter][cell.dropping] = cell
    for target, rows in by_target.items():
        lines += ["", f"## {target}", ""]
        lines += ["| parameter | documented | declared | measured | dropping | evidence |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [_row(parameter, both) for parameter, both in rows.items()]
    return "\n".join(lines) + "\n"


def _row(parameter: str, both: dict[bool, Cell]) -> str:
    off, on = both.get(False), both.get(True)
    shown = off or on
    cells = [
        f"`{parameter}`",
        _yes(shown.documented if shown else None),
        _yes(shown.declared if shown else None),
        off.disposition.replace("_", " ") if off else "",
        on.disposition.replace("_", " ") if on else "",
        f"`{shown.evidence.replace('`', chr(39))}`" if shown else "",
    ]
    return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"


def _yes(said: bool | None) -> str:  # noqa: FBT001  # the value to be put into words
    return "" if said is None else "yes" if said else "no"


def _mode(cell: Cell) -> str:
    return "on" if cell.dropping else "off"
