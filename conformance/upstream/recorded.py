"""Real answers on the stage: what a server once said, where an adapter asks it the same again."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

from conformance import jsontext
from conformance.model import Request
from conformance.targets import to_json
from conformance.traffic import Unreadable, read
from conformance.upstream.scripts import Told

_Key = tuple[str, str, bytes]


class Recorded:
    """The exchanges of a folder's cassettes, one a probe.

    A request is the same if its method, the end of its path and its JSON value are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._probes: dict[str, dict[_Key, list[Told]]] = {}

    def answer(self, probe: str, request: Request, count: int) -> Told | None:
        """What was recorded for this request of a probe, asked ``count`` times before; or None."""
        if probe not in self._probes:
            self._probes[probe] = _read(self._folder / f"{probe}.yaml")
        answers = self._probes[probe].get(_key(request), [])
        return answers[count] if count < len(answers) else None


def _read(path: Path) -> dict[_Key, list[Told]]:
    answers: dict[_Key, list[Told]] = defaultdict(list)
    for one in read(path) if path.exists() else ():
        if not isinstance(one, Unreadable) and one.response and not one.retried:
            answer = Told(one.response, one.failure, one.provenance)
            answers[_key(one.request)].append(answer)
    return answers


def _key(request: Request) -> _Key:
    """What of a request tells which answer is its own; members may come in any order."""
    value = jsontext.parse(request.body).value
    body = to_json(dict(sorted(value.items()))) if isinstance(value, dict) else request.body
    return request.method, urlsplit(request.url).path.rpartition("/v1")[2], body
