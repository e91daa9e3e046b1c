"""A stand-in for ``conformance`` that is quick: a run is the names of what is broken that night.

What is broken stands in the file ``BROKEN``, and so does the run's fate: ``incomplete``, ``crash``,
``killed`` before its last line, or ``silent`` because no reply came. A comparison comes to no end
with ``unread``, and finds nothing in common with ``elsewhere``. No matrix is made of ``unseen``.
"""

from __future__ import annotations

import argparse
import gzip
import os
import signal
import sys
from pathlib import Path

CODES = {"incomplete": 2, "silent": 2, "crash": 1}
VERDICT, END = '{"type":"verdict"}', '{"type":"end"}'
"""By which a night is known to have judged something, and to have come to its end."""


def words(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [word for word in file.read().split() if word not in (VERDICT, END)]


def run(given: argparse.Namespace) -> int:
    assert given.fail_on == "never", "a night is compared with nights, not with what is known"
    broken = Path(os.environ["BROKEN"]).read_text("utf-8").split()
    if "killed" in broken:
        given.json.write_text("\n".join([VERDICT, *broken, VERDICT[:9]]), "utf-8")
        os.kill(os.getpid(), signal.SIGKILL)
    if "crash" not in broken:
        judged = [] if "silent" in broken else [VERDICT]
        given.json.write_text("\n".join([*judged, *broken, END]) + "\n", "utf-8")
        for report in (given.html, given.md, given.junit, given.sarif, given.badge):
            report.write_text(f"{report.name}: {broken}\n", "utf-8")
    return max((CODES.get(word, 0) for word in broken), default=0)


def diff(given: argparse.Namespace) -> int:
    old, new = words(given.old), words(given.new)
    if "unread" in {*old} ^ {*new}:
        return 1  # as a program that crashed
    changed = [word for word in new if word not in [*old, *CODES]]
    given.md.write_text(f"since {given.old.name}: {changed}\n", "utf-8")
    return 2 if "elsewhere" in {*old} ^ {*new} else bool(changed)


def matrix(given: argparse.Namespace) -> int:
    kept = list(given.results.glob("*.jsonl.gz"))
    if any("unseen" in words(night) for night in kept):
        return 2
    nights = len(kept)
    given.html.write_text(f"{nights} nights\n", "utf-8")
    given.badge.write_text(f"{nights} nights\n", "utf-8")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    for made, places in ((run, ["targets"]), (diff, ["old", "new"]), (matrix, ["results"])):
        command = commands.add_parser(made.__name__)
        command.set_defaults(made=made)
        for place in places:
            command.add_argument(place, type=Path, nargs="*" if place == "targets" else None)
        for report in ("json", "html", "md", "junit", "sarif", "badge"):
            command.add_argument(f"--{report}", type=Path)
        command.add_argument("--fail-on")
    given, unknown = parser.parse_known_args()
    del unknown  # --live and what it costs
    return int(given.made(given))


if __name__ == "__main__":
    sys.exit(main())
