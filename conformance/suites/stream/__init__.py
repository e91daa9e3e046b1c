"""Streams: the framing of the events, what each chunk holds, how a stream ends."""
