"""Exchanges in, verdicts out: the heart of the library, without pytest and without a terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from conformance.blame import ADAPTER, PROVIDER, STAGED, beyond, blamed, fair, is_stood_in
from conformance.capability import Area, capability
from conformance.model import Exchange, Finding, Level, Outcome, Verdict
from conformance.recognise import recognise
from conformance.registry import Check, Fact, Judgement, checks
from conformance.replies import Refusal, Reply
from conformance.scrub import Scrubber

NAME: Final = 120
"""How many characters of a provider's or model's name are kept."""
Session = tuple[str, str, str]
"""Provider, model and recording: exchanges are only compared within one."""
UNTOLD: Final = (Outcome.NOT_APPLICABLE, Outcome.INCONCLUSIVE)
"""What a check says when it has nothing to say."""


class Checks:
    """The chosen checks, found by the type of reply they judge."""

    def __init__(self, chosen: Iterable[Check]) -> None:
        self.all = tuple(chosen)
        self._singles: dict[type, list[Check]] = {}
        self._sets: dict[type, list[Check]] = {}

    @property
    def leave_none_out(self) -> bool:
        """Whether no MUST and no SHOULD is missing; what is not judged says nothing."""
        return {check.id for check in checks().values() if check.level is not Level.MAY} <= {
            check.id for check in self.all
        }

    def judge(self, reply: Reply) -> Iterator[Judgement]:
        """What each check about single exchanges says of ``reply``."""
        disorderly = isinstance(reply, Refusal) and not reply.is_orderly
        for check in self._applying(self._singles, type(reply), sets=False):
            judgement = check.judge(reply)
            if disorderly and judgement.outcome is Outcome.REJECTED:
                judgement = replace(judgement, outcome=Outcome.REJECTED_BADLY)
            yield judgement

    def facts(self, reply: Reply) -> Iterator[tuple[Check, Fact[Any]]]:
        """What each check about sets keeps of ``reply``."""
        for check in self._applying(self._sets, type(reply), sets=True):
            value = check.fact(reply)
            if value is not None:
                yield check, Fact(reply.exchange.id, value)

    def _applying(self, known: dict[type, list[Check]], kind: type, *, sets: bool) -> list[Check]:
        if kind not in known:
            known[kind] = [
                check
                for check in self.all
                if (check.over is not None) is sets and issubclass(kind, check.judges)
            ]
        return known[kind]


@dataclass(slots=True)
class Tally:
    """How often one check came to one outcome on one target, and the first time as an example."""

    first: Verdict
    count: int = 0
    capabilities: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict, times: int = 1) -> None:
        """Count one more, or several."""
        self.count += times
        for name, number in verdict.capabilities:
            self.capabilities[name] += number

    def summed(self) -> Verdict:
        """The first, with what all of them were about."""
        return replace(self.first, capabilities=tuple(sorted(self.capabilities.items())))


@dataclass(slots=True)
class Tallies:
    """Counts of verdicts by target, check and outcome; can be added up from several processes."""

    found: dict[tuple[str, str, str, Outcome], Tally] = field(default_factory=dict)

    def count(self, verdict: Verdict, times: int = 1) -> None:
        """Count a verdict."""
        key = (verdict.provider, verdict.model, verdict.check, verdict.outcome)
        self.found.setdefault(key, Tally(verdict)).add(verdict, times)

    def again(self, target: tuple[str, str], judgement: Judgement, area: Area) -> bool:
        """Count a judgement without findings if there was one like it before."""
        tally = self.found.get((*target, judgement.check.id, judgement.outcome))
        if tally:
            tally.count += 1
            tally.capabilities[capability(judgement.check.id, area)] += 1
        return tally is not None

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many verdicts of each outcome there are."""
        counted: Counter[Outcome] = Counter()
        for (_, _, _, outcome), tally in self.found.items():
            counted[outcome] += tally.count
        return counted

    def close(self, controls: Mapping[str, str]) -> Iterator[Verdict]:
        """One verdict for each target, check and outcome that comes without findings.

        Its ``repeat`` is (times, of all times this check ran on this target). A check that has a
        control passes only where its control did: that a model makes no call when it must not
        proves nothing if it makes none when it may.
        """
        ran: Counter[tuple[str, str, str]] = Counter()
        for (provider, model, check, _), tally in self.found.items():
            ran[provider, model, check] += tally.count
        for (provider, model, check, outcome), tally in self.found.items():
            if tally.first.findings:
                continue
            verdict = replace(tally.summed(), repeat=(tally.count, ran[provider, model, check]))
            control = controls.get(check)
            passed = (provider, model, control, Outcome.PASS) in self.found
            if outcome is Outcome.PASS and control and not passed:
                reason = f"its control, {control}, did not pass"
                verdict = replace(verdict, outcome=Outcome.INCONCLUSIVE, reason=reason)
            yield verdict


@dataclass(slots=True)
class Audit:
    """Judges exchanges as they come and keeps only counts and the facts that sets need.

    Verdicts with findings are given out as they are found, one an exchange. Those without are
    counted: one verdict a target, check and outcome at the end, as :meth:`Tallies.close` has it.
    """

    checks: Checks
    heard: Callable[[str, Reply], None] | None = None
    """Told of each reply that is judged, and of its target's name."""
    read: int = 0
    judged: int = 0
    targets: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(provider, model): how many replies."""
    tallies: Tallies = field(default_factory=Tallies)
    _facts: dict[tuple[Session, Check], list[Fact[Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _beyond: dict[tuple[Session, Check], list[Fact[Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """The same facts of what providers answered behind an adapter."""
    _secrets: dict[Session, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """The credentials of all that is compared: one answer may repeat another's."""
    _adapted: dict[Session, bool] = field(default_factory=dict)
    """Those that were behind one, and whether nobody but stand-ins answered there."""

    @property
    def left_out(self) -> int:
        """How many exchanges were not OpenAI-shaped LLM traffic, or are marked as doubtful."""
        return self.read - self.judged

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many verdicts of each outcome there are so far."""
        return self.tallies.outcomes

    def add(self, *exchanges: Exchange) -> Iterator[Verdict]:
        """Judge the answers to one request, asked once or several times.

        Yields the verdicts that have findings. Of several answers that disagree, the verdict is
        flaky, and ``repeat`` says in how many of them the rule was broken.
        """
        judged: dict[Check, list[Judgement]] = defaultdict(list)
        for exchange in exchanges:
            self.read += 1
            reply = None if exchange.provenance.doubt else recognise(exchange)
            if reply is None:
                continue
            self.judged += 1
            scrubber = Scrubber.of(exchange.request, *(one.request for one in exchange.upstream))
            model = exchange.model or scrubber.text(reply.model)  # a server may repeat a key there
            target = (exchange.provider[:NAME], model[:NAME])
            self.targets[target] += 1
            if self.heard:
                self.heard("/".join(target), reply)
            session = (*target, exchange.session)
            self._secrets[session] |= dict.fromkeys(scrubber.secrets)
            for check, fact in self.checks.facts(reply):
                self._facts[session, check].append(fact)
            if exchange.behind_adapter:
                before = self._adapted.get(session, True)
                self._adapted[session] = before and is_stood_in(exchange)
            area = Area.of(reply)
            theirs = beyond(exchange)
            for check, fact in self.checks.facts(theirs) if theirs else ():
                self._beyond[session, check].append(fact)
            for judgement in self.checks.judge(reply):
                judged[judgement.check].append(fair(judgement, exchange))
        for judgements in judged.values():
            judgement, repeat = _agreed(judgements)
            # Most are one more of the same, and not worth a verdict each.
            if judgement.findings or not self.tallies.again(target, judgement, area):
                verdict = _verdict(target, judgement, exchange, scrubber, repeat)
                about = capability(judgement.check.id, area)
                yield from self._counted(replace(verdict, capabilities=((about, 1),)))

    def close(self) -> Iterator[Verdict]:
        """Judge the sets, then yield the verdicts that were only counted."""
        yield from self.compare()
        controls = {check.id: check.control for check in self.checks.all if check.control}
        yield from self.tallies.close(controls)

    def compare(self) -> Iterator[Verdict]:
        """Judge the sets; yields the verdicts that have findings."""
        for (session, check), facts in self._facts.items():
            provider, model, _ = session
            scrubber = Scrubber(tuple(self._secrets[session]))
            for judgement in _by_exchange(check.compare(facts)):
                named = judgement.findings[0].exchange if judgement.findings else None
                blame = self._blamed(session, check, named) if judgement.findings else None
                if blame == PROVIDER and self._adapted[session]:
                    judgement = Judgement(check, Outcome.INCONCLUSIVE, (), STAGED)  # noqa: PLW2901  # it is told fairly
                verdict = Verdict(
                    provider=provider,
                    model=model,
                    check=check.id,
                    level=check.level,
                    outcome=judgement.outcome,
                    findings=judgement.findings,
                    reason=judgement.reason,
                    exchange=named or facts[0].exchange,
                    blame=blame if judgement.findings else None,
                    capabilities=((capability(check.id), 1),),
                )
                yield from self._counted(scrubber.verdict(verdict))

    def _blamed(self, session: Session, check: Check, exchange: str | None) -> str | None:
        """As :func:`conformance.blame.blamed`, where exchanges are compared."""
        if session not in self._adapted:
            return None
        theirs = self._beyond.get((session, check), [])
        broken = {finding.exchange for finding in check.compare(theirs).findings}
        return PROVIDER if exchange in broken else ADAPTER

    def _counted(self, verdict: Verdict) -> Iterator[Verdict]:
        """Count a verdict; it is given out when it has findings."""
        self.tallies.count(verdict)
        if verdict.findings:
            yield verdict


def _verdict(
    target: tuple[str, str],
    judgement: Judgement,
    exchange: Exchange,
    scrubber: Scrubber,
    repeat: tuple[int, int],
) -> Verdict:
    verdict = Verdict(
        provider=target[0],
        model=target[1],
        check=judgement.check.id,
        level=judgement.check.level,
        outcome=judgement.outcome,
        findings=judgement.findings,
        reason=judgement.reason,
        exchange=exchange.id,
        provenance=exchange.provenance,
        repeat=repeat,
        probe=exchange.probe,
        blame=blamed(judgement.check, exchange, judgement.findings),
    )
    return scrubber.verdict(verdict)


def _agreed(judgements: Sequence[Judgement]) -> tuple[Judgement, tuple[int, int]]:
    """What the answers to one request come to, and how many of those that can tell say so."""
    if len(judgements) == 1:
        return judgements[0], (1, 1)
    telling = [j for j in judgements if j.outcome not in UNTOLD] or judgements
    broken = [judgement for judgement in telling if judgement.findings]
    if broken and len(broken) < len(telling):
        return replace(broken[0], outcome=Outcome.FLAKY), (len(broken), len(telling))
    worst = broken[0] if broken else telling[0]
    return worst, (len(telling), len(telling))


def _by_exchange(judgement: Judgement) -> Iterator[Judgement]:
    """A set's judgement, split so that each exchange at fault gets its own."""
    if not judgement.findings:
        yield judgement
        return
    by_exchange: dict[str | None, list[Finding]] = defaultdict(list)
    for finding in judgement.findings:
        by_exchange[finding.exchange].append(finding)
    for findings in by_exchange.values():
        yield Judgement(judgement.check, judgement.outcome, tuple(findings), judgement.reason)
