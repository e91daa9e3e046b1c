"""Real answers on the stage: what a server once said, where an adapter asks it the same again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from conformance import jsontext
from conformance.model import Exchange, Request
from conformance.targets import to_json
from conformance.traffic import Unreadable, read
from conformance.upstream.scripts import Told, told

_Key = tuple[str, str, bytes]


class Recorded:
    """The exchanges recorded in a folder's cassettes, each given once, in their order.

    A request is the same if its method, the end of its path and its JSON value are. What was not
    recorded, or not so often, a stand-in answers.
    """

    def __init__(self, folder: Path) -> None:
        self._answers: defaultdict[_Key, list[Told]] = defaultdict(list)
        for path in sorted(folder.glob("*.yaml")):
            self._keep(item for item in read(path) if not isinstance(item, Unreadable))

    def __call__(self, request: Request, nonce: int = 0) -> Told:
        """What was recorded of this request for the ``nonce``-th time, counted from 0."""
        answers = self._answers.get(_key(request), [])
        return answers[nonce] if nonce < len(answers) else told(request, nonce)

    def _keep(self, exchanges: Iterable[Exchange]) -> None:
        for one in exchanges:
            if one.response and not one.retried:
                answer = Told(one.response, one.failure, one.provenance)
                self._answers[_key(one.request)].append(answer)


def _key(request: Request) -> _Key:
    """What of a request tells which answer is its own; members may come in any order."""
    value = jsontext.parse(request.body).value
    body = to_json(dict(sorted(value.items()))) if isinstance(value, dict) else request.body
    return request.method, urlsplit(request.url).path.rpartition("/v1")[2], body
