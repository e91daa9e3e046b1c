"""A stand-in for ``conformance`` that is quick: a run is the names of what is broken that night.

What is broken stands in the file ``BROKEN``; ``incomplete`` and ``crash`` there are the run's fate.
"""

from __future__ import annotations

import argparse
import gzip
import os
import sys
from pathlib import Path

CODES = {"incomplete": 2, "crash": 1}
VERDICT = '{"type":"verdict"}'
"""By which a night is known to have judged something."""


def words(path: Path) -> list[str]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return file.read().removeprefix(VERDICT).split()


def run(given: argparse.Namespace) -> int:
    assert given.fail_on == "never", "a night is compared with nights, not with what is known"
    broken = Path(os.environ["BROKEN"]).read_text("utf-8").split()
    if "crash" not in broken:
        given.json.write_text("\n".join([VERDICT, *broken]), "utf-8")
        for report in (given.html, given.md, given.junit, given.sarif, given.badge):
            report.write_text(f"{report.name}: {broken}\n", "utf-8")
    return max((CODES.get(word, 0) for word in broken), default=0)


def diff(given: argparse.Namespace) -> int:
    old, new = words(given.old), words(given.new)
    changed = [word for word in new if word not in [*old, *CODES]]
    given.md.write_text(f"since {given.old.name}: {changed}\n", "utf-8")
    return 2 if "elsewhere" in {*old} ^ {*new} else bool(changed)


def matrix(given: argparse.Namespace) -> int:
    nights = len(list(given.results.glob("*.jsonl.gz")))
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
