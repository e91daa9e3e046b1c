"""The far side of an adapter: what stands in for the providers it speaks to, and what it is told.

The stage answers every request an adapter sends on, and keeps both. It is reached in process, by
the transports that HTTP libraries go through (:mod:`~conformance.upstream.tap`), or as a server on
127.0.0.1 (:mod:`~conformance.upstream.server`); what is answered is the same.
"""
