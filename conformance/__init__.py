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
