from __future__ import annotations

import subprocess
from typing import Any

import pytest
from results_lines import evidence, made, passage, target, verdict

from conformance.report.curl import curl
from conformance.results.rows import Row, Shown

SECRET = "sk-of-the-test"  # noqa: S105  # made up
BODY = '{"model":"large","messages":[{"role":"user","content":"Hi"}]}'


def row(**changed: Any) -> Row:
    return made([target(**changed), verdict()]).rows["acme/large"]


def shown(**changed: Any) -> Shown:
    lines = [target(), verdict(outcome="fail"), evidence(**changed)]
    found = made(lines).rows["acme/large"].results["chat", "chat.response_id"].evidence
    assert found
    return found


def arguments(command: str | None, **environment: str) -> list[str]:
    """What a shell gives to curl."""
    assert command
    script = f'curl() {{ printf "%s\\0" "$@"; }}\n{command}\n'
    run = subprocess.run(  # noqa: S603  # what is tested: it must be harmless
        ["/bin/sh", "-c", script], capture_output=True, check=True, env=environment, timeout=20
    )
    assert run.stderr == b""
    return run.stdout.decode().split("\0")[:-1]


def test_a_shell_sends_what_was_sent_with_its_own_key() -> None:
    command = curl(row(), shown())
    assert command
    assert '"$ACME_KEY"' in command
    assert arguments(command, ACME_KEY=SECRET) == [
        "--include",
        "--globoff",
        "https://api.acme.example/v1/chat/completions",
        "--header",
        "content-type: application/json",
        "--header",
        f"authorization: Bearer {SECRET}",
        "--data-raw",
        BODY,
    ]


@pytest.mark.parametrize(
    "body",
    [
        '{"content":"it\'s"}',
        '{"content":"$HOME `id` $(id) \\\\ !"}',
        '{\n\t"content": "two lines"\n}',
        "@/etc/passwd",
        "-x",
        '{"content":"ünï 漢字 \u05e9\u05dc"}',
    ],
)
def test_no_body_is_more_than_text_to_a_shell(body: str) -> None:
    assert arguments(curl(row(), shown(request=passage(body))))[-1] == body


@pytest.mark.parametrize(
    "changed",
    [
        {"request": passage(BODY, whole=False)},
        {"request": passage('{"key":"[key]"}')},
        {"request": passage('{"key":"[key*****]"}')},
        {"request": passage("\x1b[201~id\n")},
        {"request": passage("\u202etxt")},
        {"request": passage("\x00")},
        {"request": passage("\ud800")},
        {"request": passage("x" * 2**20)},
        {"url": "javascript:alert(1)"},
        {"url": "file:///etc/passwd"},
        {"url": "http://adapter.test/v1/chat/completions"},
        {"url": "https://a.example/ --output x\n"},
        {"method": "GET; id"},
        {"headers": [["x", "a\nb"]]},
        {"headers": [["@/etc/passwd", ""]]},
        {"headers": [["", "x"]]},
    ],
)
def test_there_is_none_where_it_would_not_ask_the_same_or_do_harm(changed: dict[str, Any]) -> None:
    assert curl(row(), shown(**changed)) is None


def test_a_path_is_completed_by_the_address_of_its_target() -> None:
    asked = shown(url="/v1/models", method="GET", request=passage(""))
    assert arguments(curl(row(), asked))[2] == "https://api.acme.example/v1/models"
    assert curl(row(base_url="javascript:alert(1)"), asked) is None
    assert curl(row(base_url=""), asked) is None


def test_a_method_is_named_where_curl_would_take_another() -> None:
    assert "--request" not in arguments(curl(row(), shown()))
    gone = arguments(curl(row(), shown(method="DELETE", request=passage(""))))
    assert gone[gone.index("--request") + 1] == "DELETE"
    asked = arguments(curl(row(), shown(method="GET", request=passage(""))))
    assert "--request" not in asked
    assert "--data-raw" not in asked


def test_a_key_in_the_address_is_a_variable_too() -> None:
    command = curl(row(), shown(url="https://a.example/v1?key=[key***]&a=1"))
    assert arguments(command, ACME_KEY=SECRET)[2] == f"https://a.example/v1?key={SECRET}&a=1"


@pytest.mark.parametrize("key", ["", "no name", "$(id)", "A;id"])
def test_a_variable_has_a_name_that_a_shell_takes(key: str) -> None:
    assert f"Bearer {SECRET}" in " ".join(arguments(curl(row(key=key), shown()), API_KEY=SECRET))


def test_headers_that_a_stranger_left_out_are_put_back() -> None:
    asked = shown(headers=[["accept", "*/*"], ["content-length", "3"]])
    given = arguments(curl(row(source="recording", key=""), asked), API_KEY=SECRET)
    assert f"authorization: Bearer {SECRET}" in given
    assert "content-type: application/json" in given
    assert not any(word.startswith("content-length") for word in given)
    sent_without = arguments(curl(row(), asked), ACME_KEY=SECRET)
    assert SECRET not in " ".join(sent_without)
    assert "content-type:" in [word.strip() for word in sent_without]


def test_a_function_has_no_address() -> None:
    assert curl(row(), shown(url="http://adapter.test/v1/chat/completions")) is None
