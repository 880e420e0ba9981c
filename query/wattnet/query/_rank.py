"""A revision's rank, as the tables keep it: valid << 62 | zone_status << 60 | knowledge_time (microseconds since 1970).

It travels as it is, 8 bytes in one column; what it says is taken out of it here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_VALID_BIT, _STATUS_BIT = 62, 60
_STATUS_BITS, _KNOWLEDGE_BITS = 3, (1 << _STATUS_BIT) - 1

# The same in ClickHouse, as numbers.
VALID = f"bitTest({{rank}}, {_VALID_BIT})"
ZONE_STATUS = f"bitAnd(bitShiftRight({{rank}}, {_STATUS_BIT}), {_STATUS_BITS})"
KNOWLEDGE_US = f"bitAnd({{rank}}, {_KNOWLEDGE_BITS})"


def together(valid: str, zone_status: str, knowledge_us: str) -> str:
    """The rank of these expressions of ClickHouse's."""
    return (
        f"bitOr(bitOr(bitShiftLeft(toUInt64({valid}), {_VALID_BIT}), bitShiftLeft(toUInt64({zone_status}), "
        f"{_STATUS_BIT})), toUInt64({knowledge_us}))"
    )


@overload
def taken_apart(rank: int) -> tuple[bool, int, int]: ...
@overload
def taken_apart(rank: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]: ...
def taken_apart(rank: Any) -> tuple[Any, Any, Any]:
    """Of one, or of each in a column: valid, the place of zone_status among ZONE_STATUSES, knowledge_time."""
    return rank >= 1 << _VALID_BIT, (rank >> _STATUS_BIT) & _STATUS_BITS, rank & _KNOWLEDGE_BITS
