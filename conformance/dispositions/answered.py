"""What became of each parameter at a target that nobody stands behind: told by its answers.

What it accepts shows in its statuses. Whether that has any effect shows where a check of the
effect had its say, and in the form of an answer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from conformance.dispositions.measure import Measured
from conformance.dispositions.seen import delivered, refusal
from conformance.model import Disposition, Outcome, Verdict, show
from conformance.replies import ChatReply, ErrorReply, Reply, a_text

EFFECTS: Final = {
    "frequency_penalty": ("params.frequency_penalty_*",),
    "function_call": ("tools.legacy_functions",),
    "functions": ("tools.legacy_functions",),
    "logit_bias": ("params.logit_bias_*",),
    "logprobs": ("chat.logprobs_present",),
    "max_completion_tokens": ("params.max_completion_tokens_*",),
    "max_tokens": ("params.max_tokens_*",),
    "n": ("params.n_*", "stream.n_*"),
    "parallel_tool_calls": ("tools.parallel_*",),
    "response_format": ("structured.*",),
    "seed": ("params.seed_*",),
    "stop": ("params.stop_*",),
    "stream_options": ("stream.usage_*",),
    "temperature": ("params.temperature_*",),
    "tool_choice": ("tools.named_*", "tools.none_*", "tools.required_*"),
    "top_p": ("params.top_p_*",),
}
"""The checks that see the effect of a parameter, among those whose breach is to ignore it."""


@dataclass(slots=True)
class Answered:
    """What one target's answers show; feed it every reply and every verdict."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[frozenset[str], ErrorReply]] = field(default_factory=list)
    """Each refusal, and what was asked for."""
    delivered: dict[str, str] = field(default_factory=dict)
    """Parameter -> the first exchange whose form shows its effect."""
    verdicts: dict[Outcome, list[Verdict]] = field(default_factory=lambda: defaultdict(list))

    def reply(self, reply: Reply) -> None:
        """Note what an answer says of the parameters that were asked for."""
        asked = frozenset(name for name, value in reply.request.items() if value is not None)
        if isinstance(reply, ChatReply):
            self.accepted.update(asked)
        elif isinstance(reply, ErrorReply):
            self.refused.append((asked, reply))
        for name in delivered(reply):
            self.delivered.setdefault(name, reply.exchange.id)

    def verdict(self, verdict: Verdict) -> None:
        """Note what a check of an effect came to."""
        self.verdicts[verdict.outcome].append(verdict)

    def measured(self, parameter: str) -> Measured:
        """What became of a parameter."""
        ignored = self._about(parameter, Outcome.IGNORED)
        if ignored:
            found = ignored.findings[0]
            shown = f"{found.at}: wanted {show(found.want, 60)}, got {show(found.got, 60)}"
            told = f"{ignored.check}: {shown}"
            return Measured(Disposition.IGNORED, told, ignored.exchange or "")
        passed = self._about(parameter, Outcome.PASS)
        if passed:
            told = f"{passed.check} passed"
            return Measured(Disposition.HONOURED, told, passed.exchange or "")
        if parameter in self.delivered:
            told = "the form of the answer shows it"
            return Measured(Disposition.HONOURED, told, self.delivered[parameter])
        return self._taken(parameter)

    def _about(self, parameter: str, outcome: Outcome) -> Verdict | None:
        patterns = EFFECTS.get(parameter, ())
        return next(
            (
                verdict
                for verdict in self.verdicts[outcome]
                if any(fnmatchcase(verdict.check, pattern) for pattern in patterns)
            ),
            None,
        )

    def _taken(self, parameter: str) -> Measured:
        """Whether requests with it were answered."""
        accepted = self.accepted[parameter]
        refused = [(asked, reply) for asked, reply in self.refused if parameter in asked]
        if accepted:
            told = f"{accepted} of {accepted + len(refused)} requests with it were answered"
            return Measured(Disposition.ACCEPTED_UNVERIFIED, told, "")
        if not refused:
            return Measured(Disposition.UNKNOWN, "no request with it was recorded", "")
        at_fault = [reply for asked, reply in refused if self._is_at_fault(parameter, asked, reply)]
        orderly = [reply for reply in at_fault if reply.is_orderly]
        if not at_fault:
            return self._untold(refused[0][1])
        kind = Disposition.REJECTED if orderly else Disposition.REJECTED_BADLY
        example = (orderly or at_fault)[0]
        return Measured(kind, refusal(example).when(), example.exchange.id)

    def _is_at_fault(self, parameter: str, asked: frozenset[str], reply: ErrorReply) -> bool:
        """Whether a refusal is about a parameter: it says so, or all else was taken elsewhere."""
        named = a_text(reply.error.get("param")).partition(".")[0] == parameter
        suspects = [name for name in asked if not self.accepted[name]]
        return named or suspects == [parameter]

    def _untold(self, example: ErrorReply) -> Measured:
        """Where requests were refused for whatever reason: a model that is gone, a wrong key."""
        why = refusal(example).when()
        if not self.accepted:
            told = f"not even a request without it was answered; {why}"
            return Measured(Disposition.DEAD, told, example.exchange.id)
        told = f"refused with others that never were taken, too; {why}"
        return Measured(Disposition.UNKNOWN, told, example.exchange.id)
