"""How much of everything a page about a provider tells."""

from __future__ import annotations

from typing import Final

FULL: Final = 40
"""Problems that are told in full; of the others a line each."""
LINES: Final = 100
"""The others that have a line, parameters and models that are listed."""
RULES: Final = 8
"""Rules of one problem that are told."""
ROWS: Final = 20
"""Targets of one problem, commands, runs and reasons that are listed."""
SIDES: Final = 2
"""Requests behind an adapter that are shown of one exchange."""
REQUEST: Final = 20_000
"""Characters of a command that is shown whole."""
