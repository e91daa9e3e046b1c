"""Tells whether an OpenAI-compatible LLM API or adapter really is compatible."""

__version__ = "0.1.0"
