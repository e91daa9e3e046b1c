"""What becomes of every parameter of a request: documented, declared, and measured.

Pure: exchanges go in, and dispositions with their evidence come out.
"""

from conformance.dispositions.answered import Answered
from conformance.dispositions.cells import Cell, Tally, tally, undeclared
from conformance.dispositions.measure import Measured, Pair, judge, measured, pairs
from conformance.dispositions.seen import Seen, seen

__all__ = [
    "Answered",
    "Cell",
    "Measured",
    "Pair",
    "Seen",
    "Tally",
    "judge",
    "measured",
    "pairs",
    "seen",
    "tally",
    "undeclared",
]
