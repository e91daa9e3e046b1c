"""APIs that take a text and give a text are read and written as their documents say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import dialects
from conformance.dialects import Meaning, eventstream
from conformance.model import (
    Chunk,
    Exchange,
    Headers,
    Provenance,
    Request,
    Response,
    Source,
)
from conformance.upstream import standin

PREDICTIONS = "https://api.replicate.com/v1/models/meta/llama/predictions"
ENDPOINT = "https://runtime.sagemaker.us-east-1.amazonaws.com/endpoints/mine/invocations"
CHAT = {"messages": [{"role": "user", "content": "Count to 5"}]}
COUNTED = "1, 2, 3, 4, 5"


def post(url: str, body: Any, **headers: str) -> Request:
    data = urlencode(body) if url.endswith("/api/v1/generate") else json.dumps(body)
    return Request("POST", url, Headers(headers.items()), data.encode())


def replicate(prompt: str, **given: Any) -> Request:
    """The request that fetches the result; the one that asks for it has been answered."""
    created = standin.answer(post(PREDICTIONS, {"input": {"prompt": prompt, **given}}))
    assert created.status == 201, created.body
    return Request("GET", json.loads(created.body)["urls"]["get"])


def sagemaker(prompt: str, **given: Any) -> Request:
    return post(ENDPOINT, {"inputs": prompt, "parameters": given})


def petals(prompt: str, **given: Any) -> Request:
    url = "https://chat.petals.dev/api/v1/generate"
    return post(url, {"inputs": prompt, "model": "beluga", **given})


def nlp_cloud(prompt: str, **given: Any) -> Request:
    return post("https://api.nlpcloud.io/v1/gpu/dolphin/generation", {"text": prompt, **given})


def aleph_alpha(prompt: Any, **given: Any) -> Request:
    url = "https://api.aleph-alpha.com/complete"
    return post(url, {"model": "luminous", "prompt": prompt, **given})


ASKING: dict[str, Callable[..., Request]] = {
    "replicate": replicate,
    "sagemaker": sagemaker,
    "petals": petals,
    "nlp_cloud": nlp_cloud,
    "aleph_alpha": aleph_alpha,
}
STREAMING: dict[str, Callable[[str], Request]] = {
    "replicate": lambda prompt: Request(
        "GET", replicate(prompt).url, Headers([("accept", "text/event-stream")])
    ),
    "sagemaker": lambda prompt: post(f"{ENDPOINT}-response-stream", {"inputs": prompt}),
    "nlp_cloud": lambda prompt: nlp_cloud(prompt, stream=True),
    "aleph_alpha": lambda prompt: aleph_alpha(prompt, stream=True),
}


def exchange(request: Request, response: Response) -> Exchange:
    return Exchange("x", "anybody", request, response, Provenance(Source.RECORDING))


def meant(request: Request, response: Response | None = None) -> Meaning:
    found = dialects.meaning(exchange(request, response or standin.answer(request)))
    assert found is not None
    return found


def said(request: Request) -> str:
    meaning = meant(request)
    assert meaning.error is None
    return meaning.text


@pytest.mark.parametrize("name", ASKING)
def test_a_prompt_is_answered_in_its_own_dialect(name: str) -> None:
    request = ASKING[name]("Count to 5")
    dialect = dialects.of(request)
    assert dialect is not None
    assert dialect.name == name
    meaning = meant(request)
    assert (meaning.text, meaning.error, meaning.complete) == (COUNTED, None, True)


@pytest.mark.parametrize("name", STREAMING)
def test_a_stream_says_the_same(name: str) -> None:
    request = STREAMING[name]("Count to 5")
    assert len(standin.answer(request).chunks) > 5
    assert meant(request).text == COUNTED
    assert meant(request).complete


@pytest.mark.parametrize("name", STREAMING)
def test_half_a_stream_is_not_complete(name: str) -> None:
    request = STREAMING[name]("Count to 5")
    whole = standin.answer(request)
    half = Response(200, whole.headers, whole.chunks[: len(whole.chunks) // 2])
    meaning = meant(request, half)
    assert COUNTED.startswith(meaning.text)
    assert 0 < len(meaning.text) < len(COUNTED)
    assert not meaning.complete


@pytest.mark.parametrize(
    "limited",
    [
        replicate("Count to 30", max_new_tokens=5),
        replicate("Count to 30", max_tokens=5, max_length=100),
        sagemaker("Count to 30", max_new_tokens=5),
        petals("Count to 30", max_new_tokens=5),
        nlp_cloud("Count to 30", max_length=5),
        aleph_alpha("Count to 30", maximum_tokens=5),
    ],
    ids=lambda request: request.url[:40],
)
def test_a_limit_cuts(limited: Request) -> None:
    assert said(limited) == "1, 2, 3"


@pytest.mark.parametrize(
    "stopped",
    [
        replicate("Count to 30", stop_sequences="4,nothing"),
        replicate("Count to 30", stop=["4"]),
        sagemaker("Count to 30", stop=["4"]),
        nlp_cloud("Count to 30", end_sequence="4"),
        aleph_alpha("Count to 30", stop_sequences=["4"]),
    ],
    ids=lambda request: request.url[:40],
)
def test_a_stop_sequence_stops(stopped: Request) -> None:
    assert said(stopped) == "1, 2, 3, "


def test_a_system_prompt_orders() -> None:
    assert said(replicate("Hi", system_prompt="Always answer with the word moo.")) == "moo"


def test_a_model_reads_its_own_template() -> None:
    turns = [("system", "Always answer with the word moo."), ("user", "Hi"), ("assistant", "moo")]
    turns += [("user", "Hi again")]
    written = "".join(
        f"<|start_header_id|>{role}<|end_header_id|>\n\n{said}<|eot_id|>" for role, said in turns
    )
    opened = "<|start_header_id|>assistant<|end_header_id|>\n\n"
    dialect = dialects.of(replicate("x"))
    assert dialect is not None
    asked = dialect.asked(replicate(f"<|begin_of_text|>{written}{opened}"))
    assert [(one["role"], one["content"]) for one in asked["messages"]] == turns


def drawn(request: Request) -> bool:
    """Whether asking again is answered otherwise."""
    answers = [standin.answer(request, nonce) for nonce in (0, 1)]
    return len({meant(request, answer).text for answer in answers}) == 2


LOT = "Say a random number."


@pytest.mark.parametrize(
    ("request_made", "draws"),
    [
        (replicate(LOT), True),
        (replicate(LOT, seed=7), False),
        (replicate(LOT, temperature=0.1), False),
        (sagemaker(LOT), False),
        (sagemaker(LOT, temperature=1), False),
        (sagemaker(LOT, temperature=0.9), True),
        (sagemaker(LOT, top_p=0.9), True),
        (sagemaker(LOT, do_sample=True), True),
        (sagemaker(LOT, do_sample=True, seed=7), False),
        (petals(LOT, temperature=1), False),
        (petals(LOT, temperature=1, do_sample=1), True),
        (petals(LOT, temperature=1, top_p=0.1, do_sample=1), False),
        (nlp_cloud(LOT), True),
        (nlp_cloud(LOT, top_p=0.1), False),
        (aleph_alpha(LOT), False),
        (aleph_alpha(LOT, temperature=1, top_p=0), True),
    ],
)
def test_lots_are_drawn_where_the_api_samples(request_made: Request, *, draws: bool) -> None:
    assert drawn(request_made) is draws


def test_what_a_reply_tells_beside_the_text() -> None:
    finished = [meant(aleph_alpha("Count to 30", maximum_tokens=limit)) for limit in (5, 500)]
    assert [one.finish for one in finished] == ["length", "stop"]
    assert finished[0].usage == (9, 5)
    assert meant(aleph_alpha("Count to 30", maximum_tokens=5, stream=True)) == finished[0]
    assert meant(nlp_cloud("Count to 30", max_length=5)) == Meaning("1, 2, 3", usage=(9, 5))
    assert meant(replicate("Count to 30", max_tokens=5)) == Meaning("1, 2, 3", usage=(9, 5))
    assert meant(petals("Count to 30", max_new_tokens=5)) == Meaning("1, 2, 3")
    detailed = sagemaker("Count to 30", max_new_tokens=5, details=True)
    assert meant(detailed) == Meaning("1, 2, 3", finish="length", usage=(9, 5))


def test_several_completions_and_a_prompt_in_parts() -> None:
    prompt = [{"type": "text", "data": "Count "}, {"type": "image", "data": "…"}, 7]
    request = aleph_alpha([*prompt, {"type": "text", "data": "to 3"}], n=2)
    answer = json.loads(standin.answer(request).body)
    assert [one["completion"] for one in answer["completions"]] == ["1, 2, 3", "1, 2, 3 (2)"]
    streamed = aleph_alpha("Count to 3", n=2, stream=True)
    assert said(streamed) == "1, 2, 3"


def test_a_prediction_is_created_and_then_fetched() -> None:
    created = post("https://api.replicate.com/v1/predictions", {"input": {"prompt": "Say hello"}})
    started = json.loads(standin.answer(created).body)
    assert (started["status"], started["output"]) == ("starting", None)
    assert dialects.meaning(exchange(created, standin.answer(created))) is None
    fetched = Request("GET", started["urls"]["get"])
    done = json.loads(standin.answer(fetched).body)
    assert (done["id"], done["status"], done["output"]) == (started["id"], "succeeded", ["hello"])
    assert standin.answer(fetched) == standin.answer(fetched)
    assert said(Request("GET", started["urls"]["stream"])) == "hello"


def test_a_client_may_wait_for_a_prediction() -> None:
    waiting = post(PREDICTIONS, {"input": {"prompt": "Say hello"}}, prefer="wait=5")
    assert standin.answer(waiting).status == 201
    assert said(waiting) == "hello"


def test_lines_survive_a_stream_of_events() -> None:
    assert said(STREAMING["replicate"]("Repeat: one\ntwo")) == "one\ntwo"


def test_an_endpoint_chats_like_openai() -> None:
    whole, stream = post(ENDPOINT, CHAT), post(f"{ENDPOINT}-response-stream", CHAT)
    assert json.loads(standin.answer(whole).body)["object"] == "chat.completion"
    frames = eventstream.decode(standin.answer(stream).body)
    assert frames[-1].payload == b"data: [DONE]\n\n"
    assert all(frame.headers[":event-type"] == "PayloadPart" for frame in frames)
    assert [meant(one).text for one in (whole, stream)] == [COUNTED, COUNTED]


def test_an_exception_in_a_stream_of_frames_is_an_error() -> None:
    request = STREAMING["sagemaker"]("Count to 5")
    whole = standin.answer(request)
    header = {":message-type": "exception", ":exception-type": "ModelStreamError"}
    broken = eventstream.encode(header, b'{"Message":"It broke.","ErrorCode":"X"}')
    meaning = meant(request, Response(200, whole.headers, (*whole.chunks[:3], Chunk(broken))))
    assert (meaning.text, meaning.error, meaning.complete) == ("1, 2", "It broke.", False)


@pytest.mark.parametrize(
    ("request_made", "status"),
    [
        (post(PREDICTIONS, {"input": {}}), 422),
        (post(PREDICTIONS, {"input": {"prompt": "x", "temperature": 9}}), 422),
        (post(PREDICTIONS, {"input": {"prompt": "x", "max_tokens": "many"}}), 422),
        (post(PREDICTIONS, []), 400),
        (Request("GET", "https://api.replicate.com/v1/predictions/nobody"), 404),
        (Request("GET", replicate("x").url[:-7]), 404),
        (sagemaker("x", temperature=0), 424),
        (sagemaker("x", top_p=1), 424),
        (petals("x", max_new_tokens="many"), 200),
        (petals("x", max_new_tokens=0), 200),
        (petals("x", do_sample=1, temperature=9), 400),
        (nlp_cloud("x", temperature=9), 400),
        (aleph_alpha(None), 422),
    ],
)
def test_what_the_api_refuses_is_an_error_of_its_own(request_made: Request, status: int) -> None:
    answer = standin.answer(request_made)
    assert answer.status == status
    meaning = meant(request_made, answer)
    assert meaning.error
    assert not meaning.text


def test_other_apis_at_similar_paths_are_not_spoken_for() -> None:
    for url in (
        "https://api.anthropic.com/v1/complete",
        "https://dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
        "http://127.0.0.1:11434/api/generate",
    ):
        found = dialects.of(Request("POST", url))
        assert found is None or found.name not in ASKING


@given(
    name=st.sampled_from(sorted(STREAMING)),
    streamed=st.booleans(),
    at=st.integers(0, 2000),
    gone=st.integers(0, 40),
    put=st.binary(max_size=8) | st.sampled_from([b"[]", b"null", b"{}", b"0"]),
)
def test_mutilated_replies_are_read_without_raising(
    *, name: str, streamed: bool, at: int, gone: int, put: bytes
) -> None:
    request = (STREAMING if streamed else ASKING)[name]("Count to 3")
    whole = standin.answer(request)
    at %= len(whole.body)
    body = whole.body[:at] + put + whole.body[at + gone :]
    dialects.meaning(exchange(request, Response(200, whole.headers, (Chunk(body),))))


MEMBERS = (
    *("status", "output", "metrics", "generated_text", "details", "token", "completions"),
    *("finish_reason", "error", "detail", "ok", "outputs", "prompt", "input", "inputs"),
    *("text", "parameters", "temperature", "top_p", "stop", "messages", "traceback"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=6,
        )
    ),
)


@given(
    name=st.sampled_from(sorted(ASKING)), status=st.sampled_from([200, 201, 400, 500]), value=JSON
)
def test_odd_values_are_read_without_raising(name: str, status: int, value: Any) -> None:
    body = (Chunk(json.dumps(value).encode()),)
    dialects.meaning(exchange(ASKING[name]("x"), Response(status, Headers(), body)))


@given(
    url=st.sampled_from([PREDICTIONS, ENDPOINT, nlp_cloud("x").url, aleph_alpha("x").url]),
    value=JSON,
)
def test_odd_requests_are_answered(url: str, value: Any) -> None:
    request = post(url, value)
    answer = standin.answer(request)
    assert answer.status in {200, 201} or meant(request, answer).error
