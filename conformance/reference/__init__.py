"""A correct OpenAI-compatible server without a network: :func:`answer` turns bytes into bytes."""

from conformance.reference.exchanges import exchanges, requests
from conformance.reference.server import answer

__all__ = ["answer", "exchanges", "requests"]
