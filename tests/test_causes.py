"""Failures that have one cause are one, however many rules and targets it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
import results_lines as lines
from hypothesis import given
from hypothesis import strategies as st

from conformance.compare.causes import Cause, Failure, causes, failures_of
from conformance.model import MISSING, Finding, Level, Outcome, Verdict


def found(*verdicts: lines.Line) -> list[Cause]:
    return causes(failures(verdicts))


def failures(verdicts: Iterable[lines.Line]) -> list[Failure]:
    rows = lines.made(verdicts).rows.values()
    return [failure for row in rows for failure in failures_of(row)]


def broken(check: str, at: str, **changed: Any) -> lines.Line:
    """A failure in an exchange of its own, unless it is said which."""
    name = changed.get("name", "acme/large")
    return lines.verdict(check, "fail", at, **{"exchange": f"{name}::{check}"} | changed)


def member(check: str, at: str, **changed: Any) -> lines.Line:
    """A failure in the one exchange of a target."""
    return broken(check, at, **{"exchange": "the one"} | changed)


def test_one_place_over_all_models_of_a_provider_is_one_cause() -> None:
    (cause,) = found(
        broken("chat.choices_index_set", "choices[0].index"),
        broken("chat.choices_index_set", "choices[3].index", name="acme/small"),
    )
    assert cause.place == "choices[*].index"
    assert cause.targets == ["acme/large", "acme/small"]
    assert cause.checks == ["chat.choices_index_set"]
    assert cause.owner == "acme"


def test_rules_that_want_the_same_at_one_place_are_one_cause() -> None:
    (cause,) = found(
        broken("params.logprobs_bytes", "choices[0].logprobs", want="an object", got="null"),
        broken("params.top_logprobs_count", "choices[0].logprobs", want="an object", got="null"),
    )
    assert cause.checks == ["params.logprobs_bytes", "params.top_logprobs_count"]
    assert (cause.place, cause.want, cause.got) == ("choices[*].logprobs", "an object", "null")


def test_a_status_is_the_place_of_many_faults_so_each_rule_is_a_cause() -> None:
    rules = ("messages_empty_400", "messages_missing_400", "image_bad_base64_400")
    models = ("acme/large", "acme/small")
    made = found(
        *(broken(f"a.{r}", "status", want="400", got="200", name=m) for r in rules for m in models)
    )
    assert sorted(cause.checks for cause in made) == sorted([f"a.{rule}"] for rule in rules)
    assert all(cause.targets == list(models) for cause in made)


def test_rules_about_the_status_of_the_very_same_answers_are_one_cause() -> None:
    (cause,) = found(
        member("errors.status_4xx", "status", want="4xx", got="500"),
        member("params.type_error_400", "status", want="400", got="500", level="should"),
    )
    assert (cause.place, cause.want, cause.got) == ("status", "4xx", "500")
    assert cause.level is Level.MUST
    assert len(cause.checks) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"at": "id"}, {"at": "object"}),
        ({"got": "missing"}, {"got": "null"}),
        ({"got": '""'}, {"got": '"x"'}),
        ({"got": "[]"}, {"got": "[1]"}),
        ({"want": "a string"}, {"want": "an object"}),
        ({"level": "must"}, {"level": "should"}),
        ({"name": "acme/large"}, {"name": "zeta/large"}),
    ],
)
def test_what_differs_in_kind_is_apart(one: lines.Line, other: lines.Line) -> None:
    same = {"at": "id", "want": "a string", "got": "missing"}
    assert len(found(broken("a.one", **same | one), broken("a.two", **same | other))) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"got": '"x"'}, {"got": '"y"'}),
        ({"got": "1"}, {"got": "-2.5"}),
        ({"got": "true"}, {"got": "false"}),
        ({"want": "at most 5 tokens"}, {"want": "at most 16 tokens"}),
    ],
)
def test_what_differs_in_value_only_is_one(one: lines.Line, other: lines.Line) -> None:
    same = {"at": "id", "want": "a string", "got": "missing"}
    assert len(found(broken("a.one", **same | one), broken("a.two", **same | other))) == 1


def test_a_rule_that_wants_another_id_each_time_has_one_cause() -> None:
    (cause,) = found(
        broken("stream.chunk_id_constant", "events[1].id", want="chatcmpl-a", got='"x"'),
        broken("stream.chunk_id_constant", "events[2].id", want="b", got='"y"', name="acme/small"),
    )
    assert len(cause.failures) == 2


def test_behind_an_adapter_it_is_the_adapters_over_all_providers() -> None:
    names = ("gate:acme/large", "gate:zeta/large")
    (cause,) = found(*(broken("chat.response_id", "id", name=name) for name in names))
    assert cause.owner == "gate"


def test_what_a_provider_behind_an_adapter_is_to_blame_for_is_its_own() -> None:
    names = ("gate:acme/large", "gate:zeta/large")
    made = found(*(broken("a.b", "id", name=name, blame="provider") for name in names))
    assert [cause.owner for cause in made] == ["gate:acme", "gate:zeta"]


def test_a_body_that_is_not_the_object_is_one_cause_of_many_rules() -> None:
    (cause,) = found(
        member("chat.response_id", "id", want="an id"),
        member("chat.response_object", "object", want="chat.completion"),
        member("chat.usage_present", "usage", want="an object", level="should"),
    )
    assert (cause.place, cause.want) == ("body", "the members id, object, usage")
    assert cause.got == "missing"
    assert cause.level is Level.MUST
    assert len(cause.checks) == 3


def test_many_members_are_counted() -> None:
    (cause,) = found(*(member(f"chat.{name}", name, want=name) for name in "abcdefgh"))
    assert cause.want == "the members a, b, c, d, e, f and 2 more"


def test_members_of_another_object_or_exchange_are_apart() -> None:
    made = found(
        member("chat.a", "choices[0].message.role", want="a"),
        member("chat.b", "choices[0].index", want="b"),
        broken("chat.c", "choices[0].message.content", want="c"),
    )
    assert len(made) == 3


@pytest.mark.parametrize("places", [("status", "body"), ("headers.a", "headers.b")])
def test_parts_of_http_are_no_members(places: tuple[str, str]) -> None:
    assert len(found(*(member(f"http.{at}", at, want=at) for at in places))) == 2


def test_members_of_events_are_members() -> None:
    (cause,) = found(
        member("stream.a", "events[0].id", want="a"),
        member("stream.b", "events[4].object", want="b"),
    )
    assert cause.place == "events[*]"


def test_must_comes_first_and_then_what_breaks_most() -> None:
    made = found(
        broken("c.c", "c", level="should"),
        broken("c.c", "c", level="should", name="acme/small"),
        broken("c.c", "c", level="should", name="acme/tiny"),
        broken("b.b", "z"),
        broken("a.a", "y"),
        broken("a.a", "y", name="acme/small"),
    )
    assert [cause.place for cause in made] == ["y", "z", "c"]


def test_a_rule_stands_by_its_most_frequent_symptom() -> None:
    (failure,) = failures(
        [
            broken("a.b", "x", exchange="1"),
            broken("a.b", "y[0]", exchange="2"),
            broken("a.b", "y[7]", exchange="3"),
        ]
    )
    assert failure.verdict.findings[0].at == "y[0]"
    assert failure.exchanges == {"1", "2", "3"}


def test_a_rule_stands_by_what_was_not_known() -> None:
    known = [broken("a.b", "x", exchange=str(number), known="slow") for number in range(3)]
    (failure,) = failures([*known, broken("a.b", "y", exchange="4")])
    assert failure.verdict.known is None


def test_a_cause_is_known_if_all_of_it_is() -> None:
    first, second = broken("a.b", "x", known="slow"), broken("a.b", "x", name="acme/small")
    assert found(first, second)[0].known is None
    assert found(first, second | {"known": "too"})[0].known == "slow"


def test_one_verdict_of_two_capabilities_is_one_failure() -> None:
    (failure,) = failures([broken("a.b", "x", capabilities={"chat": 1, "usage": 1})])
    assert len(failure.exchanges) == 1


def test_a_failure_without_a_place_is_a_cause_too() -> None:
    (cause,) = found(lines.verdict("a.b", "fail", findings=[]))
    assert (cause.place, cause.want, cause.got) == ("", "", "")


def test_what_does_not_break_a_rule_is_no_failure() -> None:
    outcomes = set(Outcome) - {Outcome.FAIL, Outcome.IGNORED, Outcome.FLAKY}
    assert not failures(lines.verdict(f"a.{o}", o, "x") for o in outcomes)


@pytest.mark.parametrize(
    ("changed", "many"),
    [({"got": "503"}, 1), ({"want": "404"}, 2), ({"got": "200"}, 2), ({"level": "should"}, 2)],
)
def test_at_a_status_a_rule_has_a_cause_for_each_that_is_wanted_and_that_came(
    changed: lines.Line, many: int
) -> None:
    same = {"at": "status", "want": "400", "got": "500"}
    other = same | {"name": "acme/small"} | changed
    made = found(broken("errors.retryable_5xx", **same), broken("errors.retryable_5xx", **other))
    assert len(made) == many


def test_members_with_other_kinds_of_value_or_owners_are_apart() -> None:
    made = found(
        member("a.a", "id", want="a"),
        member("a.b", "object", want="b", got="null"),
    )
    assert len(made) == 2
    name = "gate:acme/large"
    made = found(
        member("a.a", "id", want="a", name=name),
        member("a.b", "object", want="b", name=name, blame="provider"),
    )
    assert len(made) == 2


def test_a_rule_stands_by_what_broke_it() -> None:
    harmless = [lines.verdict("a.b", "lenient", "x", exchange=str(number)) for number in range(3)]
    (failure,) = failures([*harmless, broken("a.b", "y", exchange="4")])
    assert failure.verdict.outcome is Outcome.FAIL
    assert failure.exchanges == {"4"}


def test_without_exchanges_that_of_the_verdict_counts() -> None:
    made = [
        Failure("acme/large", check, Level.MUST, verdict)
        for check, at, exchange in (("a.a", "id", "1"), ("a.b", "object", "2"))
        for verdict in [
            Verdict(
                "acme",
                "large",
                check,
                Level.MUST,
                Outcome.FAIL,
                (Finding(at, at, MISSING),),
                exchange=exchange,
            )
        ]
    ]
    assert len(causes(made)) == 2


def test_a_verdict_just_made_has_values_instead_of_texts() -> None:
    finding = Finding("id", {"type": "string"}, MISSING)
    verdict = Verdict("acme", "large", "a.b", Level.MUST, Outcome.FAIL, (finding,))
    (cause,) = causes([Failure("acme/large", "a.b", Level.MUST, verdict)])
    assert (cause.want, cause.got) == ('{"type": "string"}', "missing")


VERDICTS = st.lists(
    st.builds(
        broken,
        check=st.sampled_from(["a.a", "a.b", "b.a"]),
        at=st.sampled_from(["status", "id", "choices[0].x", "choices[1].x", "choices[1].y"]),
        want=st.sampled_from(["400", "at most 1", "at most 2", "an id"]),
        got=st.sampled_from(["missing", "null", '"x"', "500"]),
        level=st.sampled_from(["must", "should"]),
        name=st.sampled_from(["acme/a", "acme/b", "zeta/a"]),
        exchange=st.sampled_from(["1", "2"]),
    ),
    unique_by=lambda line: (line["target"], line["check"]),
)


@given(VERDICTS, st.randoms(use_true_random=False))
def test_every_failure_has_one_cause_whatever_the_order(made: list[Any], luck: Any) -> None:
    all_of_them = failures(made)
    shuffled = list(all_of_them)
    luck.shuffle(shuffled)
    grouped = causes(shuffled)
    pairs = [(f.target, f.check) for cause in grouped for f in cause.failures]
    assert sorted(pairs) == sorted((f.target, f.check) for f in all_of_them)
    assert grouped == causes(all_of_them)


@given(st.text(), st.text(), st.text())
def test_any_text_is_only_text(at: str, want: str, got: str) -> None:
    (cause,) = found(lines.verdict("a.b", "fail", findings=[{"at": at, "want": want, "got": got}]))
    assert len(cause.place) <= 201
    assert len(cause.want) <= 201
