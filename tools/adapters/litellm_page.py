"""Measure what LiteLLM's documents say: every line of docs/litellm-page.md, tried again.

The document is a table of statements, each with the Python that tries it. This runs them, each in
a process of its own, offline, and prints the document with what was measured this time:

    python tools/adapters/litellm_page.py                 # docs/litellm-page.md as it is today
    python tools/adapters/litellm_page.py --write         # the same, into the file
    python tools/adapters/litellm_page.py --document FILE # another table
    python tools/adapters/litellm_page.py 'CODE'          # what comes of one line

It wants `pip install litellm`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from trial import measured, ready

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "litellm-page.md"
ROW: Final = re.compile(r"(?P<asked>\| [^|]+ \| `(?P<code>[^`|]+)` \|)[^|]*(?P<holds>\|.*)")
"""A statement, the code that tries it, what was measured, and what to think of that."""


def again(lines: list[str]) -> Iterator[str]:
    """A document's lines with what is measured now in the rows of its tables."""
    for line in lines:
        row = ROW.fullmatch(line)
        if row:
            yield f"{row['asked']} {measured(row['code'])} {row['holds']}"
        else:
            yield line


def main() -> None:
    """Print what was measured, or write it where it belongs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("code", nargs="*", help="lines to try instead of a document's")
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--write", action="store_true", help="write into the document")
    given = parser.parse_args()
    with ready():
        if given.code:
            print(*map(measured, given.code), sep="\n")
            return
        text = "\n".join(again(given.document.read_text("utf-8").splitlines())) + "\n"
    if given.write:
        given.document.write_text(text, "utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
