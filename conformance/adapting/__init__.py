"""An adapter under test: called or started, asked from the north, watched from the south."""

from conformance.adapting.route import Adapted, adapted

__all__ = ["Adapted", "adapted"]
