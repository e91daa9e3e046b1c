"""What became of each parameter, from exchanges that differ in nothing else.

The request to the provider is compared with the one that the same request without the parameter
led to. Nothing needs to know how an adapter, or a provider, calls it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from conformance.dispositions.flat import Change, Leaves, change, cut, found
from conformance.dispositions.seen import Seen
from conformance.model import Disposition

LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""The two names of one parameter."""
EMPTY: Final = frozenset({"[]", "null", '""'})
"""The values that say nothing; an object may say something by being there at all."""
SHOWN: Final = 3
"""How many places of a change are evidence."""
BY_WEIGHT: Final = (
    *(Disposition.DEAD, Disposition.LOST, Disposition.CHANGED, Disposition.RAISED),
    *(Disposition.DROPPED, Disposition.UNKNOWN, Disposition.SENT_BY_DEFAULT),
    *(Disposition.TRANSLATED, Disposition.RENAMED, Disposition.FORWARDED),
)
"""Of several values of one parameter, the one that fares worst is what counts."""
NOTHING: Final = "no_parameter"
"""What stands for a request without any."""
BEFORE: Final = "before the provider was asked"
INVENTED: Final = frozenset({".json_schema.name"})
"""What OpenAI requires and other APIs have no word for: our dialects make it up."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of a parameter, what shows it, and in which exchange."""

    disposition: Disposition
    evidence: str
    exchange: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two exchanges whose requests differ in one parameter, and nothing else."""

    parameter: str
    case: Seen
    base: Seen
    plain: Seen
    """The one with the fewest parameters that can be compared with them."""
    noise: frozenset[str]
    """The places at which requests to the provider differ although the same was asked."""


def measured(exchanges: Sequence[Seen]) -> dict[str, Measured]:
    """What became of every parameter that can be told apart, at one target told to drop or not."""
    judged: dict[str, list[Measured]] = defaultdict(list)
    for pair in pairs(exchanges):
        judged[pair.parameter].append(judge(pair))
    return {parameter: _worst(several) for parameter, several in judged.items()}


def unasked(exchanges: Sequence[Seen]) -> dict[str, Measured]:
    """What a provider is asked for where nobody asked for anything: an adapter's own defaults."""
    plain = min(exchanges, key=lambda one: len(one.asked), default=None)
    if plain is None or plain.read is None:
        return {}
    sent = ", ".join(_named(n, v) for n, v in plain.read.items() if n != "model") or "nothing"
    evidence = f"no parameter -> {sent}"
    return {NOTHING: Measured(Disposition.SENT_BY_DEFAULT, evidence, plain.exchange)}


def pairs(exchanges: Iterable[Seen]) -> Iterator[Pair]:
    """Every exchange with each of its parameters, where there is one without just that."""
    by_messages: dict[str, list[Seen]] = defaultdict(list)
    for one in exchanges:
        by_messages[one.messages].append(one)
    for alike in by_messages.values():
        # Of several answers to one request, the first that is none of an overload or a failure.
        alike.sort(key=lambda one: one.error is not None)
        known = {frozenset(one.digests.items()): one for one in reversed(alike)}
        plain = min(reversed(known.values()), key=lambda one: len(one.asked))
        noise = _noise(alike)
        for request, case in reversed(known.items()):
            for name, digest in case.digests.items():
                base = known.get(request - {(name, digest)})
                if base:
                    yield Pair(name, case, base, plain, noise)


def _noise(alike: Sequence[Seen]) -> frozenset[str]:
    first: dict[frozenset[tuple[str, str]], Seen] = {}
    places: set[str] = set()
    for one in alike:
        before = first.setdefault(frozenset(one.digests.items()), one).sent or {}
        after = one.sent or {}
        places |= {at for at in before.keys() & after.keys() if before[at] != after[at]}
    return frozenset(places)


def judge(pair: Pair) -> Measured:
    """What became of the parameter of a pair."""
    disposition, evidence = _unsent(pair) if _is_unsent(pair) else _sent(pair)
    return Measured(disposition, evidence, pair.case.exchange)


def _is_unsent(pair: Pair) -> bool:
    return pair.case.sent is None or pair.base.sent is None


def _unsent(pair: Pair) -> tuple[Disposition, str]:
    """Where the provider was not asked, with the parameter or without."""
    case, base = pair.case, pair.base
    if pair.plain.sent is None and pair.plain.error:
        return Disposition.DEAD, pair.plain.error.when()
    if base.error and case.sent is not None:
        return Disposition.UNKNOWN, f"without it: {base.error.when(BEFORE)}"
    if not case.error:
        return _gone(case), "answered without asking the provider"
    # Where what it needs is refused too, only the words can tell which of the two it was.
    if base.error and pair.parameter not in case.error.words:
        return Disposition.UNKNOWN, f"what it needs is refused: {case.error.when(BEFORE)}"
    return Disposition.RAISED, case.error.when(BEFORE)


def _sent(pair: Pair) -> tuple[Disposition, str]:
    changed = change(pair.base.sent or {}, pair.case.sent or {}, pair.noise)
    asked = (pair.case.read or {}).get("stream", {})
    if pair.parameter == "stream" and asked == {"": "true"}:
        # One API has a member for it, the next another address.
        return Disposition.FORWARDED, f"stream=true -> {_shown(changed.said) or 'always'}"
    if pair.parameter == "stream" and pair.case.read is not None:
        return _unchanged(pair)
    return _changed(pair, changed) if changed else _unchanged(pair)


def _changed(pair: Pair, changed: Change) -> tuple[Disposition, str]:
    """Where the parameter has an effect on what the provider is asked."""
    name, value = pair.parameter, pair.case.asked[pair.parameter]
    place = found(value, pair.case.sent or {}, changed.said, name)
    if place:
        kind = Disposition.FORWARDED if place == name else Disposition.RENAMED
        return kind, f"{_named(name, value)} -> {_named(place, value)}"
    shown = _shown(changed.said) or f"{', '.join(list(changed.unsaid)[:SHOWN])} left out"
    if changed.said and EMPTY.issuperset(changed.said.values()) and _says_nothing(changed.unsaid):
        return _gone(pair.case), f"{_named(name, value)} -> {shown}"
    got = _understood(pair)[1] or _at(changed.said, name)
    kind = Disposition.CHANGED if _differs(value, got) else Disposition.TRANSLATED
    return kind, f"{_named(name, value)} -> {shown}"


def _says_nothing(parts: Leaves) -> bool:
    return (EMPTY | {"{}"}).issuperset(parts.values())


def _unchanged(pair: Pair) -> tuple[Disposition, str]:
    """Where the provider is asked the same with the parameter and without."""
    name, value = pair.parameter, pair.case.asked[pair.parameter]
    asked, error = _named(name, value), pair.case.error
    called, default = _understood(pair)
    told = f"{asked} -> {_named(called, default)}, whatever is asked" if default else ""
    if default and not _differs(value, default):
        return Disposition.SENT_BY_DEFAULT, told
    if name in pair.case.delivered - pair.base.delivered:
        # The client has what it asked for, though of a stream it waits for the whole.
        return Disposition.TRANSLATED, f"{asked} -> the provider is not told, the adapter does it"
    if error and not pair.base.error:
        return Disposition.RAISED, error.when("after the provider was asked without it")
    if default and not pair.case.dropping:
        return Disposition.CHANGED, told
    return _gone(pair.case), told or f"{asked} -> nothing"


def _gone(case: Seen) -> Disposition:
    return Disposition.DROPPED if case.dropping else Disposition.LOST


def _understood(pair: Pair) -> tuple[str, Leaves]:
    """What the provider's request says of the parameter: in OpenAI's words, else by its name."""
    read: Mapping[str, Leaves] = pair.case.read or {}
    names = (pair.parameter, *(LIMITS if pair.parameter in LIMITS else ()))
    for name in names:
        if name in read:
            return name, read[name]
    return pair.parameter, _at(pair.case.sent or {}, pair.parameter)


def _at(parts: Leaves, name: str) -> dict[str, str]:
    """The parts of a member of this name, by what is added to its place."""
    inside = (f"{name}.", f"{name}[")
    return {
        at.removeprefix(name): text
        for at, text in parts.items()
        if at == name or at.startswith(inside)
    }


def _differs(value: Leaves, got: Leaves) -> bool:
    """Whether ``value`` has become another; that something is added, or left out, is no matter."""
    asked, sent = _alone(value), _alone(got)
    known = (asked.keys() & sent.keys()) - INVENTED
    return bool(sent) and (not known or any(asked[end] != sent[end] for end in known))


def _alone(value: Leaves) -> Leaves:
    """A value; the only item of an array is as good as itself."""
    return {"": value["[0]"]} if list(value) == ["[0]"] else value


def _named(name: str, value: Leaves) -> str:
    """``name=value`` on a line; of an object its type, where it has one."""
    alone = _alone(value)
    if list(alone) == [""]:
        return f"{name}={alone['']}"
    return f"{name}.type={value['.type']}" if ".type" in value else name


def _shown(parts: Leaves) -> str:
    places = [f"{at}={cut(text)}" for at, text in list(parts.items())[:SHOWN]]
    return ", ".join([*places, "…"] if len(parts) > SHOWN else places)


def _worst(several: Sequence[Measured]) -> Measured:
    """Of several values of a parameter, what became of the one that fares worst."""
    worst = min(several, key=lambda one: (BY_WEIGHT.index(one.disposition), one.evidence))
    others = {one.evidence: one for one in several if one.disposition is not worst.disposition}
    more = [f"{one.disposition}: {evidence}" for evidence, one in others.items()]
    return Measured(worst.disposition, "; ".join([worst.evidence, *more]), worst.exchange)
