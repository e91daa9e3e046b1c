"""Several runs as one: of each target its newest row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conformance.results.reading import Run


def newest(
    runs: Iterable[Run],
    *,
    before: Mapping[str, str] | None = None,
    complete_first: bool = False,
) -> Run:
    """One run of several, of at least one: of each target its newest row.

    ``before`` has targets whose row must be of a run that began earlier than this ISO text.
    ``complete_first`` prefers an older row of a complete run to one of an incomplete run.
    """
    ordered = sorted(runs, key=lambda run: (complete_first and run.complete, run.started))
    until = before or {}
    source = {
        target: run
        for run in ordered
        for target, row in run.rows.items()
        if not row.is_empty and (target not in until or run.started < until[target])
    }
    rest = {id(run) for run in source.values()}
    used = [run for run in ordered if id(run) in rest] or ordered[-1:]
    return Run(
        path=_listed(run.path for run in used),
        started=max(run.started for run in used),
        mode=_listed(run.mode for run in used),
        tool=_listed(run.tool for run in used),
        revision=_listed(run.revision for run in used),
        rows={target: run.rows[target] for target, run in source.items()},
        problems=[problem for run in used for problem in run.problems],
        complete=all(run.complete for run in used),
        whole=all(run.whole for run in used),
    )


def begun(runs: Iterable[Run]) -> dict[str, str]:
    """When the newest run of each target began, as an ISO text."""
    ordered = sorted(runs, key=lambda run: run.started)
    rows = ((run, target, row) for run in ordered for target, row in run.rows.items())
    return {target: run.started for run, target, row in rows if not row.is_empty}


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(sorted(set(texts)))
