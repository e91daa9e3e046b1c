"""Answers that break exactly one check: its counterexamples, made of what was really asked.

A counterexample is an edit of a good exchange. What it does to the response a server can do as
well; the request is whatever the client sent. Where it edits the request, it says that this answer
is wrong for that request. So the answers to simpler requests are tried too, as a server gives them
that ignores a part of what it is asked. At last comes the counterexample as it stands, because some
are made for one request only; now and then only where there was nothing to break, such as an error.
Both are given up once an answer to what was really asked could be broken.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final

from conformance.engine import Checks
from conformance.model import Chunk, Exchange, Outcome, Provenance, Request, Response, Source
from conformance.mutate import DoesNotFit, Mutant
from conformance.proof import golden, prove
from conformance.recognise import recognise
from conformance.reference import answer
from conformance.reference import golden as examples
from conformance.reference.exchanges import KEY, PROVIDER
from conformance.reference.offers import MODELS
from conformance.registry import Check, Fact, checks
from conformance.serve.messages import bodiless, declared_length

REMEMBERED: Final = 500
"""How many exchanges a check about sets is reminded of."""
LARGEST: Final = 2**16
"""Bytes of a request of which simpler ones are made."""
SELDOM: Final = 10
"""How many requests there are to one that fails for no reason of its own, as by an overload."""
REPEATS: Final = 3
"""How many more answers are imagined, to see whether a check about sets would have its say."""
PLAIN: Final = {
    "/v1/chat/completions": examples.BASIC,
    "/v1/completions": examples.COMPLETIONS["basic"],
    "/v1/embeddings": examples.EMBEDDINGS["float"],
    "/v1/responses": examples.RESPONSE,
}
"""A request to each endpoint with nothing special about it."""
FREE: Final = {"model": "reference"}
DELIVERY: Final = ("stream", "stream_options")
"""What decides how an answer is delivered, not what it is."""


@dataclass(frozen=True, slots=True)
class _Broken:
    """A counterexample made on the answer to ``asked``; ``seldom`` if it is sent now and then."""

    mutant: Mutant
    asked: Request
    response: Response
    seldom: bool = False


class Breaking:
    """Makes answers on which ``check`` fails and no other, but those that must fail with it.

    ``pace`` is how many real seconds a second of an answer takes: at 0 nothing comes late. A check
    about sets is broken against what was answered before: where the exchange that is at fault is
    asked for before those it is compared with, it shows when all of them are asked again.
    """

    def __init__(self, check: Check, pace: float = 0.0) -> None:
        self._check = check
        self._pace = pace
        self._one, self._all = Checks([check]), Checks(checks().values())
        self._known: dict[Check, deque[Fact[Any]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        # Whoever is refused at once asks no more, so the first requests are not among the seldom.
        self._numbers, self._turns = count(), count(SELDOM // 2)
        self._has_shown = False
        good = golden().exchanges
        self._proven = [
            (proof.mutant, good[proof.reference].request, proof.broken.request)
            for proof in prove(check)
            if proof.broken and proof.reference
        ]

    def broken(self, request: Request, nonce: int, good: Response) -> Response | None:
        """An answer to ``request`` instead of ``good``; None where the check can't be broken."""
        whole = self._seen(request, good)
        try:
            found = self._found(request, nonce, good, whole)
        except RecursionError:  # nested as deep as can be read, so no deeper than can be written
            found = None
        told = recognise(self._seen(request, found) if found else whole)
        for check, fact in self._all.facts(told) if told else ():
            self._known[check].append(fact)
        return found

    def _found(
        self, request: Request, nonce: int, good: Response, whole: Exchange
    ) -> Response | None:
        for made in self._candidates(request, nonce, good, whole):
            own = made.asked is request
            if self._has_shown and not own:
                return None
            seen = self._seen(request, made.response)
            exact = self._shows(made, nonce, whole, seen) and self._only(made, whole, seen)
            if exact and made.seldom and next(self._turns) % SELDOM:
                return None
            if exact:
                self._has_shown = own
                return made.response
        return None

    def _candidates(
        self, request: Request, nonce: int, good: Response, whole: Exchange
    ) -> Iterator[_Broken]:
        for mutant in self._check.broken_by:
            made = self._edited(mutant, request, good)
            if made:
                yield _Broken(mutant, request, made)
        passes = self._passes(whole)
        for mutant, original, edited in self._proven:
            of_request = edited != original
            same = _renamed(original, request)
            for asked in (*simpler(request), same) if of_request else (same,):
                response = answer(asked, nonce)
                made = self._edited(mutant, asked, response) or response
                yield _Broken(mutant, asked, made, seldom=not passes and not of_request)

    def _passes(self, whole: Exchange) -> bool:
        reply = recognise(whole)
        judged = self._one.judge(reply) if reply else ()
        return any(told.outcome is Outcome.PASS for told in judged)

    def _edited(self, mutant: Mutant, asked: Request, response: Response) -> Response | None:
        """The counterexample made on this answer, if it fits and can be sent."""
        try:
            made = mutant.apply(self._exchange(asked, response)).response
        except DoesNotFit:
            return None
        except Exception:  # noqa: BLE001  # an edit written for one exchange meets any other
            return None
        # A response holds its body decoded, and nothing here would encode it again.
        return made if made and "content-encoding" not in made.headers else None

    def _shows(self, made: _Broken, nonce: int, whole: Exchange, seen: Exchange) -> bool:
        if self._failing(self._one, whole, seen):
            return True
        own = self._check.over is not None and made.asked is seen.request
        return own and self._shows_later(made.mutant, nonce, whole, seen)

    def _shows_later(self, mutant: Mutant, nonce: int, whole: Exchange, seen: Exchange) -> bool:
        """Whether it would show if more of its kind were asked, and so has to begin now."""
        good, broken = [whole], [seen]
        for number, request in enumerate(again(seen.request), nonce + 1):
            well = answer(request, number)
            good.append(self._seen(request, well))
            broken.append(self._seen(request, self._edited(mutant, request, well) or well))
        return self._said(broken) > self._said(good)

    def _said(self, exchanges: list[Exchange]) -> int:
        """How much the check would say after these."""
        replies = [reply for one in exchanges if (reply := recognise(one))]
        facts = [fact for reply in replies for _, fact in self._one.facts(reply)]
        return len(self._check.compare([*self._known[self._check], *facts]).findings)

    def _only(self, made: _Broken, whole: Exchange, seen: Exchange) -> bool:
        failing = {check.id for check in self._failing(self._all, whole, seen)}
        return failing <= {self._check.id, *made.mutant.trips}

    def _failing(self, judges: Checks, whole: Exchange, seen: Exchange) -> set[Check]:
        """The checks that say more of ``seen`` than they would of ``whole``."""
        reply, good = recognise(seen), recognise(whole)
        if reply is None:
            return set()
        failing = {told.check for told in judges.judge(reply) if told.findings}
        before = dict(judges.facts(good)) if good else {}
        for check, fact in judges.facts(reply):
            known = list(self._known[check])
            now = check.compare([*known, fact])
            then = check.compare([*known, before[check]] if check in before else known)
            if len(now.findings) > len(then.findings):
                failing.add(check)
        return failing

    def _seen(self, request: Request, response: Response) -> Exchange:
        """The exchange as a client sees it: the body as far as it is read, in real time."""
        length = 0 if bodiless(request, response) else declared_length(response)
        left = len(response.body) if length is None else length
        chunks = []
        for chunk in response.chunks:
            chunks.append(Chunk(chunk.data[:left], (chunk.at or 0.0) * self._pace))
            left -= len(chunks[-1].data)
        return self._exchange(request, Response(response.status, response.headers, tuple(chunks)))

    def _exchange(self, request: Request, response: Response) -> Exchange:
        provenance = Provenance(Source.LIVE)
        return Exchange(str(next(self._numbers)), PROVIDER, request, response, provenance)


def simpler(request: Request) -> Iterator[Request]:
    """Requests with one member as in a plain one of their endpoint, and one with a good key."""
    path = request.url.partition("?")[0]
    plain = next((body | FREE for end, body in PLAIN.items() if path.endswith(end)), None)
    if plain is None or len(request.body) > LARGEST:
        return
    given = _object(request)
    for name in {**given, **plain} if given else ():
        kept = {key: member for key, member in given.items() if key != name}
        made = kept | ({name: plain[name]} if name in plain else {})
        yield replace(request, body=json.dumps(made).encode())
    yield replace(request, headers=request.headers.replaced(*KEY))


def again(request: Request) -> list[Request]:
    """What a client sends to compare answers: the same, with other seeds, in another form."""
    body = _object(request)
    seed = body.get("seed")
    seeds = range(seed + 1, seed + 1 + REPEATS) if isinstance(seed, int) else ()
    others = [body | {"seed": one} for one in seeds]
    if body.get("stream") is True:
        others.append({name: body[name] for name in body if name not in DELIVERY})
    if body.get("encoding_format") == "base64":
        others.append(body | {"encoding_format": "float"})
    made = [replace(request, body=json.dumps(other).encode()) for other in others]
    return [request] * REPEATS + made


def _renamed(original: Request, request: Request) -> Request:
    """``original``, about the model that ``request`` names."""
    body = _object(original)
    model = _object(request).get("model")
    if "model" not in body or model not in MODELS:
        return original
    return replace(original, body=json.dumps(body | {"model": model}).encode())


def _object(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; empty when it was something else."""
    try:
        value = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
