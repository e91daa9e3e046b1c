"""What is known of a target now: its newest whole run, and what later runs told of some rules.

A run that left probes or checks out, was interrupted or met problems says nothing of the rules it
did not tell: that they are not in it does not mean that nothing is known of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from conformance.compare.kinds import UNTOLD
from conformance.model import Disposition
from conformance.results.reading import Run
from conformance.results.rows import Parameter, Row

Told = tuple[Run, Row]


def latest(target: str, runs: Sequence[Run]) -> Told | None:
    """The newest run of a target, and all that is known; None where nothing is.

    The runs are in order, the oldest first.
    """
    rows = [(run, run.rows[target]) for run in runs if target in run.rows]
    told = [(run, row) for run, row in rows if not row.is_empty]
    if not told:
        return rows[-1] if rows else None
    whole = [number for number, (run, _) in enumerate(told) if run.tells_all]
    first, *later = told[whole[-1] if whole else -1 :]
    made = first[1]
    for _, row in later:
        made = _over(made, row)
    return (later or [first])[-1][0], made


def forget(runs: Sequence[Run]) -> None:
    """Keep of what is history nothing but the outcomes; the runs are in order, the oldest first."""
    for target in {target for run in runs for target in run.rows}:
        told = [(run, run.rows[target]) for run in runs if target in run.rows]
        whole = [number for number, (run, row) in enumerate(told) if _is_base(run, row)]
        for _, row in told[: whole[-1]] if whole else ():
            row.forget()


def _is_base(run: Run, row: Row) -> bool:
    return run.tells_all and not row.is_empty


def _over(base: Row, later: Row) -> Row:
    """A row with what a later one tells in place of what it says of the same."""
    told = {result.check for result in later.results.values() if result.outcome not in UNTOLD}
    results = {key: result for key, result in base.results.items() if key[1] not in told}
    for key, result in later.results.items():
        if key[1] in told or key not in results:
            results[key] = result
    return replace(
        later,
        results=results,
        parameters=base.parameters | _known(later.parameters),
        dropping=base.dropping | _known(later.dropping),
        absent=base.absent | later.absent,
        asked=base.asked | later.asked,
        recorded=(_oldest(base, later), max(base.recorded[1], later.recorded[1])),
    )


def _known(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    return {n: p for n, p in parameters.items() if p.disposition is not Disposition.UNKNOWN}


def _oldest(*rows: Row) -> str:
    return min((row.recorded[0] for row in rows if row.recorded[0]), default="")
