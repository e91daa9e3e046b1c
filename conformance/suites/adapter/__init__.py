"""Adapters: what they send on, and what they make of the answer, seen on both sides."""
