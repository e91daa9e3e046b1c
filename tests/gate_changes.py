"""What is changed on purpose in the example adapter, and what the gate has to say of it."""

from __future__ import annotations

from typing import Any, Final

Edits = dict[str, str]
"""What stands in the adapter's source once -> what is to stand there."""

SAME: Final = "asked = {name: given[name] for name in SAME if name in given}"
POSTED: Final = 'response = posted(f"{base_url}/v1/messages", asked, api_key, timeout)'
BROKE_OFF: Final = 'raise AdapterError(f"Anthropic\'s stream broke off: {error}", 502) from error'
NO_END: Final = 'raise AdapterError("Anthropic\'s stream came to no end", 502)'
REFUSED: Final = 'raise AdapterError(told.get("message", ""), response.status_code, response)'
EMPTY: Final[dict[str, Any]] = {
    "id": "msg_1",
    "model": "claude-haiku-4-5",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 0, "output_tokens": 0},
}
BROKEN_RULES: Final[dict[str, tuple[Edits, str, str]]] = {
    "cut is called an end": (
        {'"max_tokens": "length"': '"max_tokens": "stop"'},
        "adapter.finish_reason_preserved",
        "params.max_tokens",
    ),
    "call is called an end": (
        {'"tool_use": "tool_calls"': '"tool_use": "stop"'},
        "tools.finish_reason",
        "tools.round_trip",
    ),
    "error becomes an empty answer": (
        {REFUSED: f"return httpx.Response(200, json={EMPTY!r})"},
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "refusal becomes a failure": (
        {REFUSED: REFUSED.replace("response.status_code", "500")},
        "adapter.error_status_preserved",
        "adapter.refused",
    ),
    "message of an error is lost": (
        {REFUSED: REFUSED.replace('told.get("message", "")', '"Anthropic refuses"')},
        "adapter.error_message_preserved",
        "adapter.refused",
    ),
    "Retry-After is lost": (
        {"self.response = response": "self.response = None"},
        "adapter.retry_after_preserved",
        "adapter.busy",
    ),
    "timeout is called a mistake": (
        {'in time", 504)': 'in time", 400)'},
        "adapter.timeout_reported",
        "adapter.timeout",
    ),
    "every answer has the same id": (
        {'"id": message["id"],\n        "object"': '"id": "chatcmpl-1",\n        "object"'},
        "chat.response_id_unique",
        "adapter.leak",
    ),
    "usage is lost": (
        {'"usage": spent(message["usage"]),': ""},
        "adapter.usage_preserved",
        "chat.basic",
    ),
    "counts of usage are swapped": (
        {
            'usage["input_tokens"], usage["output_tokens"]': (
                'usage["output_tokens"], usage["input_tokens"]'
            )
        },
        "adapter.usage_preserved",
        "chat.basic",
    ),
    "usage of a stream is lost": (
        {'"choices": [], "usage": spent(counted)}': '"choices": []}'},
        "adapter.stream_usage_preserved",
        "adapter.odd_streams",
    ),
    "second tool call is lost": (
        {'answer["tool_calls"] = calls': 'answer["tool_calls"] = calls[:1]'},
        "adapter.tool_calls_preserved",
        "tools.parallel",
    ),
    "arguments are no JSON": (
        {'json.dumps(use["input"])': 'str(use["input"])'},
        "adapter.tool_calls_preserved",
        "tools.named",
    ),
    "ids of calls are made up": (
        {'{"id": use["id"], "type": "function"': '{"id": "call_1", "type": "function"'},
        "adapter.tool_call_ids_preserved",
        "tools.named",
    ),
    "calls of a stream share an index": (
        {'| {"index": calls}': '| {"index": 0}', '"index": calls - 1,': '"index": 0,'},
        "adapter.tool_calls_preserved",
        "tools.parallel_streamed",
    ),
    "picture is lost": (
        {
            'kind, _, data = url.removeprefix("data:").partition(";base64,")': (
                'return {"type": "text", "text": "a picture"}'
            )
        },
        "adapter.images_preserved",
        "vision.red",
    ),
    "system message is lost": (
        {'asked["system"] = rules': "pass"},
        "adapter.system_preserved",
        "adapter.history",
    ),
    "earlier turns are lost": (
        {
            "turns(one for one in messages if not is_rule(one))": (
                "turns(one for one in messages[-1:] if not is_rule(one))"
            )
        },
        "adapter.history_preserved",
        "adapter.history",
    ),
    "roles are swapped": (
        {
            '{"role": message["role"], "content": said}': (
                '{"role": {"user": "assistant", "assistant": "user"}[message["role"]],'
                ' "content": said}'
            )
        },
        "adapter.roles_preserved",
        "adapter.history",
    ),
    "result of a tool is lost": (
        {'message["tool_call_id"], "content": content}': 'message["tool_call_id"]}'},
        "adapter.tool_results_preserved",
        "tools.round_trip",
    ),
    "schema is lost": (
        {'if wanted.get("type") == "json_schema":': "if False:"},
        "adapter.response_format_preserved",
        "adapter.leak",
    ),
    "settings of one request stay for the next": (
        {
            "def asked_of(given: Json)": "def asked_of(given: Json, asked: Json = {})",
            SAME: SAME.replace("asked =", "asked |="),
        },
        "adapter.no_leak",
        "adapter.leak",
    ),
    "model is asked twice": (
        {POSTED: f"whole({POSTED.removeprefix('response = ')})\n    {POSTED}"},
        "adapter.one_upstream_call",
        "chat.basic",
    ),
    "somebody else is told": (
        {POSTED: f'CLIENT.post("https://telemetry.test/events", json=asked)\n    {POSTED}'},
        "adapter.known_hosts",
        "chat.basic",
    ),
    "stream that was cut is called finished": (
        {BROKE_OFF: "return", NO_END: 'yield chunk(head, {}, "stop")'},
        "adapter.cut_reported",
        "adapter.stream_cut",
    ),
    "error inside a stream is swallowed": (
        {'raise AdapterError(event["error"]["message"], 500)': "return"},
        "adapter.stream_error_reported",
        "adapter.stream_error",
    ),
    "what arrives at once is taken for whole lines": (
        {'*lines, rest = (rest + piece).split(b"\\n")': 'lines = piece.split(b"\\n")'},
        "adapter.answer_passed_on",
        "adapter.odd_streams",
    ),
    "blanks of a stream are lost": (
        {'{"content": event["delta"]["text"]}': '{"content": event["delta"]["text"].strip()}'},
        "adapter.text_preserved",
        "stream.basic",
    ),
    "stream is asked for without its temperature": (
        {SAME: f'{SAME}\n    if given.get("stream"):\n        asked.pop("temperature", None)'},
        "adapter.stream_asks_the_same",
        "s*.*",
    ),
}
"""What is changed, the rule that is broken by it, and the probe that shows it."""
OTHER_FATES: Final[dict[str, tuple[Edits, str, str]]] = {
    "temperature is lost": (
        {SAME: SAME.replace("in given}", 'in given and name != "temperature"}')},
        "temperature",
        "lost: temperature=0.37 -> nothing",
    ),
    "stop is lost": ({'if "stop" in given:': "if False:"}, "stop", 'lost: stop="probe-stop" ->'),
    "stop has a name nobody knows": (
        {'asked["stop_sequences"]': 'asked["stop"]'},
        "stop",
        'stop="probe-stop" -> stop="probe-stop"',
    ),
    "tools are lost": ({'if given.get("tools"):': "if False:"}, "tools", "lost: tools -> nothing"),
    "tool_choice is lost": (
        {'choice(given.get("tool_choice", "auto"))': 'choice("auto")'},
        "tool_choice",
        "changed: tool_choice",
    ),
    "response_format is lost": (
        {'if wanted.get("type") == "json_schema":': "if False:"},
        "response_format",
        'lost: response_format.type="json_object" -> nothing |',
    ),
    "max_tokens is one more": (
        {'given.get("max_tokens", MAX_TOKENS))': 'given.get("max_tokens", MAX_TOKENS - 1) + 1)'},
        "max_tokens",
        "changed: max_tokens=987 -> max_tokens=988",
    ),
    "top_p is always the same": (
        {SAME: f'{SAME} | {{"top_p": 1}}'},
        "top_p",
        "changed: top_p=0.73 -> top_p=1, whatever is asked",
    ),
    "parallel_tool_calls is lost": (
        {'if given.get("parallel_tool_calls") is False and': "if False and"},
        "parallel_tool_calls",
        "lost: parallel_tool_calls=false -> nothing",
    ),
    "user gets a name of its own": (
        {SAME: f'{SAME}\n    if "user" in given:\n        asked["metadata"] = {{"user_id": "us"}}'},
        "user",
        'changed: user="probe-user-1" -> metadata.user_id="us"',
    ),
    "what isn't taken is dropped unasked": (
        {"if untaken and not drop_params:": "if False:"},
        "seed",
        "lost: seed=987654 -> nothing",
    ),
    "what isn't taken is refused in spite of dropping": (
        {"if untaken and not drop_params:": "if untaken:"},
        "seed",
        "raised: raised AdapterError (400)",
    ),
}
"""What is changed, and what becomes of which parameter then."""
