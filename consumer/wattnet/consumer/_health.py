"""What is wrong with a running consumer just now: /livez and /readyz say it, and the log."""

from __future__ import annotations

import logging
import time
from threading import Lock
from typing import TYPE_CHECKING

from wattnet.schemas.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

# The loop waits for the broker's answer to a commit, and for writers when partitions are revoked. Beyond that it hangs.
LIVENESS_TIMEOUT_S = 180.0

logger = logging.getLogger(__name__)


class Health:
    """Troubles by subject, and the loop's heartbeat. Threads may share it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, kafka: Outage | None = None) -> None:
        self.kafka = kafka or Outage("Kafka is away", "Kafka is back", logger, clock=clock)
        self.positions = Outage("partitions wait", "partitions go on", logger, clock=clock)
        self.storing = Outage("metrics cannot be stored", "metrics are stored again", logger, clock=clock)
        self._clock = clock
        self._lock = Lock()
        self._beat = clock()
        self._troubles: dict[str, str] = {"start": "starting: not yet in the consumer group"}

    def beat(self) -> None:
        """The loop went around."""
        self._beat = self._clock()

    @property
    def alive(self) -> bool:
        """Whether the loop goes around."""
        return self._clock() - self._beat < LIVENESS_TIMEOUT_S

    def joined(self) -> None:
        """The group has taken this member in."""
        self.well("start")

    def trouble(self, subject: str, reason: str, outage: Outage | None = None) -> None:
        """Something that may pass keeps this consumer from its work; the log has it as part of an outage, if given."""
        with self._lock:
            self._troubles[subject] = reason
        if outage is not None:
            outage.failed(reason, subject=subject)

    def well(self, subject: str) -> None:
        """It passed."""
        with self._lock:
            self._troubles.pop(subject, None)
        for outage in (self.kafka, self.positions, self.storing):
            outage.works(subject=subject)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this consumer is not ready; empty when it is."""
        with self._lock:
            return tuple(self._troubles.values())
