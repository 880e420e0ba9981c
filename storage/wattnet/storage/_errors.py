"""What can go wrong with a repository. Every message names the value, the rule and the remedy.

RepositoryError (a wattnet.schemas.WattnetError)
├── ConfigurationError (ValueError)            a setting that cannot be used, or no client to write to and read from
│   └── ClientNotInstalledError (ImportError)  a client that no installed package brings
├── NotReadyError (RuntimeError)               ClickHouse did not answer while a repository was made, in all tries
├── RepositoryClosedError (RuntimeError)       the repository was closed before the call
└── WriteError                                 which metrics were not stored, and why; all others were
    └── RefusedMetricsError (ValueError)       all of those break a rule: sending them again does not help

Reading raises what `wattnet.query` raises: UnknownNameError, UnknownLabelError and FilterError are ValueErrors.
NaiveTimestampWarning (UserWarning)            a time without an offset was read in the zone of this process
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wattnet.schemas import WattnetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wattnet.storage.models import Metric

_SHOWN = 3


class RepositoryError(WattnetError):
    """Base of all errors that a repository raises itself; `cause` is what another library raised."""


class ConfigurationError(RepositoryError, ValueError):
    """A setting that cannot be used."""


class ClientNotInstalledError(ConfigurationError, ImportError):
    """A storage client that no installed package brings."""


class NotReadyError(RepositoryError, RuntimeError):
    """ClickHouse did not answer while a repository was made, in all tries."""


class RepositoryClosedError(RepositoryError, RuntimeError):
    """The repository was closed before the call."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One metric that was not stored: its place in the list that was given, the metric, and why."""

    position: int
    metric: Metric
    reason: str


class WriteError(RepositoryError):
    """Some metrics of a call were not acknowledged; all others are.

    failures  those that are not, in the order of the list
    written   how many are
    """

    def __init__(self, failures: Sequence[Failure], *, written: int) -> None:
        self.failures = list(failures)
        self.written = written
        shown = [f"[{one.position}] {one.metric!r}: {one.reason}" for one in self.failures[:_SHOWN]]
        more = f"; and {len(self.failures) - _SHOWN:,} more, see .failures" if len(self.failures) > _SHOWN else ""
        super().__init__(
            f"{len(self.failures):,} of {len(self.failures) + written:,} metrics were not stored: "
            f"{'; '.join(shown)}{more}"
        )


class RefusedMetricsError(WriteError, ValueError):
    """All of the failures break a rule: correct them. The other metrics are stored."""


def raise_failures(refused: Sequence[Failure], lost: Sequence[Failure], count: int) -> None:
    """Raise the error for what was refused for what it says, and what was not acknowledged; nothing without either."""
    if refused or lost:
        failures = sorted([*refused, *lost], key=lambda failure: failure.position)
        raise (WriteError if lost else RefusedMetricsError)(failures, written=count - len(failures))
