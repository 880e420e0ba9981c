"""Points that are given two values at once, of which only the last would be left: refused, or warned of."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

from wattnet.producer._errors import ConflictingValuesError, ConflictingValuesWarning, ProducerConfigError
from wattnet.schemas import Metric, to_knowledge_time_us, warn_caller
from wattnet.schemas.points import PointValues, all_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHOWN = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Conflicts:
    """What was found in one call: how many, and the first ones in words.

    action  'raise' or 'warn'; raises ProducerConfigError for anything else
    what    a metric of a list, or a row of a frame
    """

    def __init__(self, action: Literal["raise", "warn"], what: str) -> None:
        if action not in ("raise", "warn"):
            raise ProducerConfigError(f"conflicts is {action!r}: give 'raise' or 'warn'")
        self.raises = action == "raise"
        self._what = what
        self._count = 0
        self._shown: list[str] = []

    def add(
        self, series: Metric, timestamp_us: int, first: tuple[float | None, int], second: tuple[float | None, int]
    ) -> None:
        """One more; first and second are a value (None retracts) and where it was given, counted from 0."""
        self._count += 1
        if len(self._shown) < _SHOWN:
            moment = (_EPOCH + timedelta(microseconds=timestamp_us)).isoformat()
            values = " and ".join(f"{value} ({self._what} {place})" for value, place in (first, second))
            self._shown.append(f"{series.series_key} at {moment} is {values}")

    def tell(self) -> None:
        """Raise ConflictingValuesError, or warn, if there are any."""
        if not self._count:
            return
        many = f"{self._count:,} values differ" if self._count > 1 else "1 value differs"
        more = f"; and {self._count - len(self._shown):,} more" if self._count > len(self._shown) else ""
        said = (
            f"{many} from another of the same point, quality and knowledge_time: "
            f"{'; '.join(self._shown)}{more}, counted from 0. "
        )
        if self.raises:
            raise ConflictingValuesError(
                f"{said}Only the last one would be left: give each point once, or each revision its own "
                "knowledge_time; conflicts='warn' sends all"
            )
        warn_caller(f"{said}All are sent, and the last one is current", ConflictingValuesWarning)


def without_conflicts(
    metrics: Iterable[Metric], knowledge_time: datetime | None, action: Literal["raise", "warn"]
) -> Iterator[Metric]:
    """The same metrics, looked through: a list before its first one is given on, anything else as it comes.

    Metrics for which nobody says a knowledge_time are taken to be known at one time. Raises ConflictingValuesError.
    """
    found, points = Conflicts(action, "metric"), PointValues()
    given_us = None if knowledge_time is None else to_knowledge_time_us(knowledge_time)

    def look(metric: Metric, place: int) -> None:
        if isinstance(metric, Metric):  # `send` refuses what is none
            known_us = given_us if metric.knowledge_time_us is None else metric.knowledge_time_us
            if earlier := points.put(metric, known_us, place):
                found.add(metric, metric.timestamp_us, earlier, (metric.value, place))

    if isinstance(metrics, (list, tuple)) and found.raises:
        whole = [metric for metric in metrics if isinstance(metric, Metric)]
        if not all_apart(whole, given_us):
            for place, metric in enumerate(metrics):
                look(metric, place)
        found.tell()
        yield from metrics
        return
    for place, metric in enumerate(metrics):
        look(metric, place)
        if found.raises:
            found.tell()
        yield metric
    found.tell()
