"""Which of ClickHouse's errors time heals.

https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp
"""

from __future__ import annotations

FATAL_CODES = frozenset(
    {
        16,  # NO_SUCH_COLUMN_IN_TABLE
        60,  # UNKNOWN_TABLE
        81,  # UNKNOWN_DATABASE
        115,  # UNKNOWN_SETTING
        164,  # READONLY: the user's profile
        192,  # UNKNOWN_USER
        193,  # WRONG_PASSWORD
        194,  # REQUIRED_PASSWORD
        195,  # IP_ADDRESS_NOT_ALLOWED
        452,  # SETTING_CONSTRAINT_VIOLATION: the user's profile
        497,  # ACCESS_DENIED
        516,  # AUTHENTICATION_FAILED
    }
)
"""ClickHouse's error codes that no further try heals: somebody has to change a setting, a table or a right."""


def heals(code: int | None) -> bool:
    """Whether an error may pass by itself; `code` is None where there was no answer, or none of ClickHouse's.

    A server that is short of memory (241), has too many parts (252), times out, starts or stops is waited for.
    """
    return code not in FATAL_CODES
