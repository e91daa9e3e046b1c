"""What an audit says of exchanges, target by target."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from conformance.engine import Audit, Checks
from conformance.model import Evidence, Exchange, Outcome, Verdict
from conformance.mutate import all_of, drop, edit
from conformance.reference.exchanges import exchanges
from conformance.registry import checks

GOOD = exchanges()


def audited(*given: Exchange, only: tuple[str, ...] = ()) -> tuple[Audit, list[Verdict]]:
    run = Audit(Checks(c for c in checks().values() if not only or c.id in only))
    verdicts = [verdict for exchange in given for verdict in run.add(exchange)]
    return run, [*verdicts, *run.close()]


def test_a_finding_is_one_verdict_of_its_exchange() -> None:
    broken = drop("id").apply(GOOD["chat.basic"])
    _, verdicts = audited(GOOD["chat.n2"], broken, only=("chat.response_id",))
    failed, passed = verdicts
    assert (failed.outcome, failed.exchange, failed.target) == (
        Outcome.FAIL,
        "chat.basic",
        "reference/reference-1",
    )
    assert [finding.at for finding in failed.findings] == ["id"]
    assert (passed.outcome, passed.repeat) == (Outcome.PASS, (1, 2))


def test_exchanges_of_other_kinds_are_left_out_and_counted() -> None:
    request = replace(GOOD["chat.basic"].request, url="https://example.test/v1/messages")
    run, verdicts = audited(replace(GOOD["chat.basic"], request=request))
    assert (run.read, run.judged, run.left_out, verdicts) == (1, 0, 1, [])


def test_an_exchange_without_an_answer_accuses_nobody() -> None:
    run, verdicts = audited(replace(GOOD["chat.basic"], response=None))
    assert (run.judged, verdicts) == (0, [])


def test_what_a_recorder_lost_is_not_judged() -> None:
    broken = drop("events[-1]").apply(GOOD["stream.basic"])
    lossy = replace(broken.provenance, lacks=frozenset({Evidence.DONE}))
    only = ("stream.done_present",)
    assert audited(broken, only=only)[1][0].outcome is Outcome.FAIL
    assert audited(replace(broken, provenance=lossy), only=only)[1][0].outcome is (
        Outcome.NOT_APPLICABLE
    )


def test_exchanges_are_compared_within_one_session_only() -> None:
    first, second = GOOD["chat.basic"], edit("id", "chatcmpl-other").apply(GOOD["chat.again"])
    assert first.response is not None
    same = edit("id", json.loads(first.response.body)["id"]).apply(second)
    only = ("chat.response_id_unique",)
    together = audited(first, same, only=only)[1]
    assert [v.exchange for v in together if v.findings] == ["chat.again"]
    apart = audited(first, replace(same, session="elsewhere"), only=only)[1]
    assert not any(v.findings for v in apart)


def test_no_key_reaches_a_verdict() -> None:
    key = GOOD["errors.unknown_model"].request.headers.get("authorization")
    assert key is not None
    secret = key.removeprefix("Bearer ")
    assert len(secret) > 6
    broken = edit("error", f"no model for {secret}").apply(GOOD["errors.unknown_model"])
    _, verdicts = audited(broken)
    assert any(verdict.findings for verdict in verdicts)
    assert secret not in repr([verdict.findings for verdict in verdicts])


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/openai/deployments/my-gpt/chat/completions?api-version=1", "my-gpt"),
        ("/models/org/name-7b/v1/chat/completions", "org/name-7b"),
        ("/openai/deployments/embed/embeddings", "embed"),
        ("/v1/chat/completions", "reference-1"),
    ],
)
def test_a_target_is_named_by_the_request_else_by_the_url(path: str, model: str) -> None:
    good = drop("request.model").apply(GOOD["chat.basic"])
    run, _ = audited(replace(good, request=replace(good.request, url=f"https://x.test{path}")))
    assert [named for _, named in run.targets] == [model]


def test_an_exchange_that_was_perhaps_edited_is_counted_and_not_judged() -> None:
    broken = drop("id").apply(GOOD["chat.basic"])
    doubted = replace(broken.provenance, doubt="the id looks hand-made")
    run, verdicts = audited(replace(broken, provenance=doubted))
    assert (run.read, run.judged, run.left_out, verdicts) == (1, 0, 1, [])


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, '{"error": {"message": "Unsupported parameter: max_tokens"}}', Outcome.REJECTED),
        (422, '{"detail": "max_tokens is not permitted"}', Outcome.REJECTED_BADLY),
    ],
)
def test_how_a_parameter_was_refused_is_told(status: int, body: str, outcome: Outcome) -> None:
    refused = all_of(edit("request.max_tokens", 50), edit("body", body), edit("status", status))
    _, verdicts = audited(refused.apply(GOOD["chat.basic"]), only=("params.max_tokens_accepted",))
    assert [verdict.outcome for verdict in verdicts] == [outcome]
