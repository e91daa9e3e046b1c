"""What the answers of targets that nobody stands behind tell of parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from conformance.dispositions import Answered, Cell
from conformance.engine import Audit, Checks
from conformance.model import Disposition, Exchange, Outcome, Verdict
from conformance.probes.forwarding import VALUES
from conformance.registry import checks
from conformance.replies import Endpoint, Reply
from conformance.targets import Target

NOT_OPENAI: Final = ("top_k", "no_such_parameter")
"""Parameters of which nobody says anything in OpenAI's words."""
IMPLIED: Final = {
    "json_object": ("response_format",),
    "json_schema": ("response_format",),
    "logprobs": ("logprobs", "top_logprobs"),
    "n": ("n",),
    "parallel_tools": ("parallel_tool_calls",),
    "reasoning": ("reasoning_effort",),
    "stream": ("stream", "stream_options"),
    "tools": ("tools", "tool_choice"),
}
"""What a claim says of parameters."""


class Answers:
    """By the target's name; feed it every exchange, then close it.

    It judges by every check that sees an effect, whichever were chosen for a run.
    """

    def __init__(self) -> None:
        self._told: dict[str, Answered] = defaultdict(Answered)
        effects = [check for check in checks().values() if check.breach is Outcome.IGNORED]
        self._audit = Audit(Checks(effects), heard=self._reply)

    def add(self, *exchanges: Exchange) -> None:
        """Take the answers to one request, asked once or several times."""
        self._verdicts(self._audit.add(*exchanges))

    def close(self) -> None:
        """Take what only all of them together tell."""
        self._verdicts(self._audit.close())

    def _reply(self, target: str, reply: Reply) -> None:
        if reply.endpoint is Endpoint.CHAT:
            self._told[target].reply(reply)

    def _verdicts(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self._told[verdict.target].verdict(verdict)

    def claimed(self, target: Target) -> Iterator[Cell]:
        """Every parameter, beside what the provider's file says that it takes."""
        implied = {name for claim in target.capabilities for name in IMPLIED.get(claim, ())}
        for parameter in VALUES:
            says = target.claimed and parameter not in NOT_OPENAI
            yield self._cell(
                target.name,
                parameter,
                documented=parameter in target.parameters if says else None,
                declared=parameter in implied | target.parameters if says else None,
            )

    def unclaimed(self) -> Iterator[Cell]:
        """The parameters of which anything was seen, where nobody says what a target takes."""
        for target in self._told:
            cells = (self._cell(target, parameter) for parameter in VALUES)
            yield from (cell for cell in cells if cell.disposition is not Disposition.UNKNOWN)

    def _cell(
        self,
        target: str,
        parameter: str,
        *,
        documented: bool | None = None,
        declared: bool | None = None,
    ) -> Cell:
        told = self._told[target].measured(parameter)
        return Cell(
            target=target,
            parameter=parameter,
            dropping=False,
            documented=documented,
            declared=declared,
            disposition=told.disposition,
            evidence=told.evidence,
        )
