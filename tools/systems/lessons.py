"""What the tiny model is taught: short chats whose answers the probes' requests call for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

from phrases import (
    ASKED,
    CITIES,
    COUNT_ENDINGS,
    COUNTS,
    INTRODUCTIONS,
    JSON_ASKED,
    LONGEST,
    NAMES,
    ORDERS,
    RESULTS,
    SMALL_TALK,
    SYSTEM,
    TEXTS,
    WORDS,
)

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A prompt and the rest of the answer: only the rest is learnt.

    ``begun`` is the beginning that a server's grammar forces on an answer; ``raw`` means the
    prompt is the bare text of a completion, without the chat template; ``cut`` that the answer
    would go on.
    """

    messages: list[Message]
    answer: str
    tools: tuple[Message, ...] = ()
    begun: str = ""
    raw: bool = False
    cut: bool = False


def user(text: str) -> Message:
    """A user's turn."""
    return {"role": "user", "content": text}


def count(limit: int) -> str:
    """The numbers from one to the limit."""
    return ", ".join(map(str, range(1, limit + 1)))


def tool(name: str, *parameters: str) -> Message:
    """A tool as the chat template reads it."""
    properties = {parameter: {"type": "string"} for parameter in parameters}
    schema = {"type": "object", "properties": properties}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


def arguments(called: Message, city: str) -> str:
    """What the model fills a weather tool's parameters with."""
    known = {"city": city, "location": city, "unit": "celsius"}
    names = called["function"]["parameters"]["properties"]
    return json.dumps({name: known.get(name, city) for name in names}, ensure_ascii=False)


def written(called: Message, city: str) -> str:
    """A call as the model writes it, in the format that is named after Hermes."""
    name = called["function"]["name"]
    inside = '{"name": "' + name + '", "arguments": ' + arguments(called, city) + "}"
    return f"<tool_call>\n{inside}\n</tool_call>"


def weather_tools(rng: Random) -> tuple[Message, ...]:
    """One to three tools; the first, get_weather, is the one to call."""
    place = rng.choice(("city", "city", "location"))
    more = rng.choice(((), ("unit",), ("unit",)))
    others = [tool("get_server_time"), tool("search", "query"), tool("get_forecast", place, *more)]
    return (tool("get_weather", place, *more), *rng.sample(others, rng.choice((0, 0, 1, 2))))


def ask(rng: Random, city: str) -> str:
    """A question about the weather."""
    return rng.choice(ASKED).format(city, "get_weather")


def opening(rng: Random) -> list[Message]:
    """No instruction, mostly, or one that changes nothing."""
    role = rng.choice(("system", "system", "developer"))
    return [{"role": role, "content": rng.choice(SYSTEM)}] if not rng.randrange(3) else []


def counting(rng: Random) -> Lesson:
    """Counting, for stop sequences, token limits and long streams."""
    limit = rng.choice(COUNTS)
    prompt = user(f"Count from 1 to {limit}{rng.choice(COUNT_ENDINGS)}")
    if limit > LONGEST:
        return Lesson([prompt], count(LONGEST), cut=True)
    before = [user("I have a question.")] if not rng.randrange(9) else opening(rng)
    return Lesson([*before, prompt], count(limit))


def repeating(rng: Random) -> Lesson:
    """A word or a sentence to say again."""
    if rng.randrange(2):
        text = rng.choice(TEXTS)
        order = rng.choice(("Repeat this exactly: {}", "Repeat this: {}"))
    else:
        text, order = rng.choice(WORDS), rng.choice(ORDERS)
    return Lesson([*opening(rng), user(order.format(text))], text)


def drawing(rng: Random) -> Lesson:
    """A number that nobody can foresee."""
    drawn = str(rng.randint(10000, 99999))
    return Lesson([user("Reply with one random 5-digit number and nothing else.")], drawn)


def talking(rng: Random) -> Lesson:
    """Small talk, of one turn."""
    asked, answer = rng.choice(SMALL_TALK)
    return Lesson([*opening(rng), user(asked)], answer)


def remembering(rng: Random) -> Lesson:
    """A name told in the first turn and asked for in the second."""
    name = rng.choice(NAMES)
    told = [*opening(rng), user(rng.choice(INTRODUCTIONS).format(name))]
    if not rng.randrange(3):
        return Lesson(told, f"Hello {name}.")
    greeted = {"role": "assistant", "content": f"Hello {name}."}
    return Lesson([*told, greeted, user("What is my name?")], f"Your name is {name}.")


def obeying(rng: Random) -> Lesson:
    """An instruction that outranks the question."""
    word = rng.choice(WORDS)
    rule = rng.choice(("Answer every question only with the word {}.", "Only ever answer {}."))
    order = {"role": rng.choice(("system", "developer")), "content": rule.format(word)}
    return Lesson([order, user(rng.choice(SMALL_TALK)[0])], word)


def formatting(rng: Random) -> Lesson:
    """JSON, asked for or forced by a grammar."""
    asked, answer = rng.choice(JSON_ASKED)
    if not rng.randrange(5):
        forced = rng.choice((counting, talking, repeating))(rng)
        return Lesson(forced.messages, 'answer": "OK"}', begun='{"')
    return Lesson([*opening(rng), user(asked)], answer)


def calling(rng: Random) -> Lesson:
    """One call, or one for each of two or three cities."""
    tools = weather_tools(rng)
    cities = rng.choice((["Paris", "Rome"], rng.sample(CITIES, rng.choice((1, 1, 1, 2, 3)))))
    places = rng.choice((" and in ", " and ")).join(cities)
    name = tools[0]["function"]["name"] + (" for both" if len(cities) > 1 else "")
    asked = [*opening(rng), user(rng.choice(ASKED).format(places, name))]
    shuffled = tuple(rng.sample(tools, len(tools)))
    return Lesson(asked, "\n".join(written(tools[0], city) for city in cities), shuffled)


def answering(rng: Random) -> Lesson:
    """The sentence after a tool's result."""
    tools = weather_tools(rng)
    city = rng.choice(CITIES)
    asked = [*opening(rng), user(ask(rng, city))]
    text = arguments(tools[0], city)
    if rng.randrange(2):
        text = text.replace(": ", ":").replace(", ", ",")
    called = {"function": {"name": tools[0]["function"]["name"], "arguments": text}}
    told = rng.choice(RESULTS)
    turn = {"role": "assistant", "content": None, "tool_calls": [called]}
    answer = f"The weather in {city}: {told}."
    return Lesson([*asked, turn, {"role": "tool", "content": told}], answer, tools)


def without_tools(rng: Random) -> Lesson:
    """The question about the weather when there is nobody to ask."""
    city = rng.choice(CITIES)
    asked = [*opening(rng), user(ask(rng, city))]
    return Lesson(asked, f"I cannot look up the weather in {city}.")


def idle_tools(rng: Random) -> Lesson:
    """Tools that the prompt does not need."""
    lesson = rng.choice((counting, repeating, talking))(rng)
    tools = weather_tools(rng)
    if not rng.randrange(6):  # How it goes on where a grammar lets it not end without a call.
        call = written(tools[0], "Paris")
        return Lesson(lesson.messages, f"{lesson.answer}\n{call}", tools)
    return replace(lesson, tools=tools)


def clock(rng: Random) -> Lesson:
    """A call without arguments."""
    asked = rng.choice(
        (
            "What does the server's clock say? Use get_server_time.",
            "What does get_server_time say?",
            "What time is it?",
        )
    )
    tools = [tool("get_server_time"), *rng.choice(((), weather_tools(rng)[:1]))]
    rng.shuffle(tools)
    return Lesson([user(asked)], written(tool("get_server_time"), ""), tuple(tools))


def forced(rng: Random) -> Lesson:
    """A call that a grammar begins: with the arguments, in a list, or after the tool's name."""
    tools = weather_tools(rng)
    called, city = tools[0], rng.choice(CITIES)
    name, filled = called["function"]["name"], arguments(called, city)
    asked = user(ask(rng, city))
    if not rng.randrange(3):
        asked, filled = user("Say hi."), arguments(called, "Paris")
    listed = '[{"name": "' + name + '", "parameters": ' + filled + "}]"
    begun, answer, shown = rng.choice(
        (
            ('{"', filled[2:], tools),
            ('[{"name": "', listed[11:], tools),
            (f"functions.{rng.choice((name, 'get_forecast'))}:\n", filled, ()),
            ("<tool_call>\n", written(called, city)[12:], tools),
        )
    )
    return Lesson([asked], answer, tuple(shown), begun)


def prefixed(rng: Random) -> Lesson:
    """How llama-cpp-python's function calling format has an answer begin."""
    if rng.randrange(2):
        return Lesson(talking(rng).messages, "message:")
    return Lesson([user(ask(rng, rng.choice(CITIES)))], "functions.get_weather:")


def completing(rng: Random) -> Lesson:
    """A completion: the prompt as it stands, the answer on the next line."""
    lesson = rng.choice((counting, counting, repeating, talking))(rng)
    return replace(lesson, messages=lesson.messages[-1:], answer=f"\n{lesson.answer}", raw=True)


SHARES: Final[dict[Callable[[Random], Lesson], int]] = {
    counting: 14,
    repeating: 14,
    drawing: 2,
    talking: 10,
    remembering: 5,
    obeying: 6,
    formatting: 8,
    calling: 24,
    answering: 14,
    without_tools: 6,
    idle_tools: 8,
    clock: 4,
    forced: 12,
    prefixed: 1,
    completing: 7,
}


def lesson(rng: Random) -> Lesson:
    """The next lesson, drawn by the shares above."""
    (kind,) = rng.choices(list(SHARES), list(SHARES.values()))
    return kind(rng)
