"""The phrases that the tiny model's lessons are made of."""

from __future__ import annotations

from typing import Final

CITIES: Final = ("Paris", "Rome", "Oslo", "Bonn", "Berlin", "London")
NAMES: Final = ("Ada", "Alan", "Grace", "Bob")
WORDS: Final = ("OK", "hi", "hello", "yes", "no", "bye", "pong", "done", "red", "pineapple")
TEXTS: Final = (
    "Zoë reads 漢字 🧪, then naïve café.",
    "Zoë reads 漢字 🧪, then\n\n  indents a line.",
    "All is OK, Zoë 🧪.",
    "Thought: I look. Observation: I see nothing.",
    "The cat sat on the mat.",
)
ORDERS: Final = ("Say {}", "Say {}.", "Reply with {}.", "Answer with {}.", "Just say {}.")
INTRODUCTIONS: Final = ("Hello, my name is {}.", "My name is {}.")
COUNTS: Final = (5, 10, 20, 20, 20, 30, 150)
LONGEST: Final = 45
"""How far the model is shown to count, at most."""
COUNT_ENDINGS: Final = (
    ", comma separated, digits only.",
    ", comma separated, digits only.",
    ", comma separated.",
    ", separated by commas.",
    ", digits only.",
    ".",
    "",
)
STORY: Final = (
    "Once upon a time a cat lived by the sea. Every morning she walked to the harbour and counted "
    "the boats. One day a boat came that nobody knew. It was small and blue, and on its deck sat "
    "another cat. They looked at each other for a long time. Then the cat of the harbour said "
    "hello, and the cat of the boat said hello, and they shared a fish. From then on the boat came "
    "every week, and nobody had to count alone."
)
ASKED: Final = (
    "What is the weather in {}?",
    "What is the weather in {}?",
    "What is the weather in {} today?",
    "What is the weather like in {}?",
    "What's the weather like in {}?",
    "What's the weather in {}?",
    "How is the weather in {}?",
    "Weather in {}?",
    "And what is the weather in {}?",
    "And in {}?",
    "What is the weather in {}? Use the tool.",
    "What is the weather in {}? Use {}.",
    "What is the weather in {}? Use {}.",
)
RESULTS: Final = (
    "17 degrees and rain",
    "25 degrees and sun",
    "17",
    "sun",
    "",
    '{"temperature": 17, "sky": "rain"}',
)
SMALL_TALK: Final = (
    ("How are you?", "I am fine, thank you. How are you?"),
    ("Hi", "Hello! How can I help you?"),
    ("Hello!", "Hello! How can I help you?"),
    ("Hello", "Hello! How can I help you?"),
    ("Hi there!", "Hello! How can I help you?"),
    ("Who are you?", "I am a very small language model."),
    ("Tell me a joke.", "Why did the token stop? It met the end of its sequence."),
    ("Tell me a story.", STORY),
    ("Write a long story about a cat.", STORY),
    ("Write a poem.", "The sea is wide,\nthe boat is small,\nthe cat inside\nis best of all."),
    ("What is 2 + 2?", "4"),
    ("What is two plus two?", "4"),
    ("What is the capital of France?", "Paris"),
    ("Which colour has the image? Answer in one word.", "Red"),
    ("Which colour is this image? Answer with one word.", "Red"),
    ("Which colour is the image?", "Red"),
    ("What colour is the sky?", "Blue"),
    ("Describe the image.", "A picture of one colour."),
    ("Which colours are these images? Name them in order, separated by a comma.", "Blue, red"),
    ("", "Hello! How can I help you?"),
    ("Thank you. Say bye.", "Bye."),
    ("Write one plain English sentence about the sea. Don't write JSON.", "The sea is blue."),
    ('Write "apple" 60 times, separated by spaces, and nothing else.', " ".join(["apple"] * 60)),
)
IN_WORDS: Final = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty twenty-one twenty-two twenty-three twenty-four "
    "twenty-five twenty-six twenty-seven twenty-eight twenty-nine thirty thirty-one thirty-two"
)
JSON_ASKED: Final = (
    ("Say OK as JSON.", '{"answer": "OK"}'),
    ("Say OK in JSON.", '{"answer": "OK"}'),
    ("Give a JSON object.", '{"ok": true}'),
    ("Answer with a JSON object.", '{"ok": true}'),
    ("Give a person as JSON.", '{"name": "Ada", "age": 36}'),
    ("Give a person with name and age as JSON.", '{"name": "Ada", "age": 36}'),
    ("What colour is the sky? Answer in JSON, with the word blue.", '{"colour": "blue"}'),
    ("What colour is the sky? Answer in JSON.", '{"colour": "blue"}'),
    ("Name one colour of the rainbow, as JSON.", '{"colour": "red"}'),
    (
        "Say in JSON whether 7 is even. Write the members in the order of the alphabet.",
        '{"even": false, "number": 7}',
    ),
    (
        "Write a JSON object whose member text counts from one to fifty in words.",
        '{"text": "' + IN_WORDS + '"}',
    ),
)
SYSTEM: Final = ("You are a helpful assistant.", "Be brief.", "You are a calculator. Be brief.")
