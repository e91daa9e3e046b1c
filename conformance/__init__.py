"""Tells whether an OpenAI-compatible LLM API or adapter really is compatible.

The names here are what other programs may rely on::

    from pathlib import Path
    from conformance import Audit, Checks, Exchange, checks, read

    audit = Audit(Checks(checks().values()))
    for item in read(Path("recording.jsonl")):
        if isinstance(item, Exchange):
            for verdict in audit.add(item):
                print(verdict.check, verdict.findings)
    for verdict in audit.close():
        ...
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformance.engine import Audit, Checks
    from conformance.model import Exchange, Finding, Level, Outcome, Provenance, Source, Verdict
    from conformance.registry import Check, checks
    from conformance.traffic import Unreadable, find, read

__version__ = "0.1.0"

__all__ = [
    "Audit",
    "Check",
    "Checks",
    "Exchange",
    "Finding",
    "Level",
    "Outcome",
    "Provenance",
    "Source",
    "Unreadable",
    "Verdict",
    "checks",
    "find",
    "read",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: pytest loads this package in everybody's every run."""
    if name in __all__:
        for home in ("model", "registry", "engine", "traffic"):
            module = import_module(f"conformance.{home}")
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
