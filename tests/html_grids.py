"""Grids for tests of the page: one as it should be, and one in which every text is an attack."""

from __future__ import annotations

from typing import Any

from results_lines import DAY, Line, evidence, made, param, passage, target, verdict

from conformance.compare.grid import Grid, grid
from conformance.results.reading import Run

OLD, NEW = "2026-11-21T03:00:00+00:00", "2026-11-28T03:00:00+00:00"
LONG = "x" * 2**20
ATTACK = (
    "<script>alert(1)</script></script><!--<img src=x onerror=alert(1)>{{7*7}}'\"&amp;"
    "\x1b[31m\x00\u202e\u2066\ud800\u2028"
)
"""Markup, an end of the script, a template, quotes, a terminal's colour, NUL, a right-to-left
override, a lone surrogate and a line separator."""
LINK = "javascript:alert(1)"


def lines() -> list[Line]:
    """Two providers: ``acme`` breaks something in its newer run; ``zeta`` is run locally."""
    small: dict[str, Any] = {"name": "acme/small"}
    zeta: dict[str, Any] = {"name": "zeta/one", "provenance": "local"}
    return [
        target(),
        target("acme/small"),
        target("zeta/one", source="local", software="vLLM 0.32.0", recorded=[NEW, NEW]),
        verdict(outcome="fail", capabilities={"chat": 1}),
        evidence(),
        verdict("chat.response_object", capabilities={"chat": 1}),
        verdict("http.request_id_header", "fail", level="should", known="Sends none."),
        verdict("stream.done_last", "flaky", repeat={"k": 1, "n": 3}),
        verdict("models.list_object", "inconclusive", reason="an odd list"),
        param("stop", "honoured", documented=True),
        param("n", "ignored", documented=True, evidence="params.n_two failed"),
        param("n", "dropped", dropping="on"),
        verdict(**small),
        verdict("http.request_id_header", level="should", **small),
        verdict(**zeta),
        verdict("chat.response_object", "fail", at="object", want='"chat.completion"', **zeta),
    ]


def good() -> Grid:
    """The matrix of an older run, in which ``acme`` held, and of a newer."""
    older = made([target(), verdict(), verdict("chat.response_object")], OLD)
    return grid([made(lines(), NEW), older])


def unasked() -> Grid:
    """The same with four targets that nobody asked: two of ``acme``'s, and all of two others."""
    names = ("acme/new", "acme/newer", "beta/one", "omega/one")
    new = [target(name, recorded=["", ""], claims=["chat"]) for name in names]
    return grid([made([*new, *lines()], NEW)])


def hostile() -> Grid:
    """The matrix of a run in which every text that may be anything is an attack."""
    name = f"{ATTACK}/{ATTACK}{LONG}"
    exchange = evidence(
        name=name,
        method=ATTACK,
        url=LINK,
        headers=[[ATTACK, ATTACK + LONG]],
        request=passage(ATTACK + LONG),
        response_headers=[[ATTACK, ATTACK]],
        response=passage(LONG + ATTACK + LONG, (2**20, 2**20 + len(ATTACK))),
        exchange=ATTACK,
        beyond=[
            {
                "method": ATTACK,
                "url": LINK,
                "request": passage(ATTACK),
                "status": 200,
                "response": passage(ATTACK),
            }
        ],
    )
    broken = verdict(outcome="fail", at=ATTACK + LONG, want=ATTACK + LONG, got=ATTACK, name=name)
    shared: Line = {"exchange": ATTACK, "known": ATTACK, "blame": ATTACK, "reason": ATTACK}
    run = Run("made.jsonl")
    for line in (
        {
            "type": "run",
            "tool": ATTACK,
            "revision": ATTACK + LONG,
            "mode": ATTACK,
            "started": ATTACK,
        },
        target(
            name,
            title=ATTACK + LONG,
            source=ATTACK,
            software=ATTACK + LONG,
            recorded=[ATTACK, DAY],
            base_url=LINK,
            key=ATTACK,
            claims=[ATTACK],
        ),
        broken | shared | {"capabilities": {"chat": 1, ATTACK: 1}},
        broken | shared | {"check": ATTACK + LONG, "capabilities": {"chat": 1, ATTACK: 1}},
        verdict("chat.response_object", "inconclusive", reason=ATTACK + LONG, name=name),
        exchange,
        param(ATTACK, "ignored", target=name, evidence=ATTACK + LONG, documented=True),
        {"type": "news", "message": ATTACK + LONG},
        {"type": "problem", "message": ATTACK + LONG},
    ):
        run.add(line)
    return grid([run])
