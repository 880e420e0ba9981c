"""Trouble that lasts, in the log: a line when it begins, one a minute while it lasts, one when it is over."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

__all__ = ["Outage"]

EVERY_S = 60.0


class Outage:
    """Takes every failure of one service, however often it comes, and logs few of them. Threads may share it.

    Args:
        away: How its lines begin while it lasts: "Kafka is away".
        back: How the last one begins: "Kafka is back".
        logger: Where the lines go, at level warning; the failures in between go there at level debug.
        clock: Seconds that never go back.
    """

    def __init__(
        self, away: str, back: str, logger: logging.Logger, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._away = away
        self._back = back
        self._logger = logger
        self._clock = clock
        self._lock = threading.Lock()
        self._failing: dict[str, float] = {}
        self._began = self._logged = 0.0

    @property
    def lasts(self) -> bool:
        """Whether it has begun and is not over."""
        return bool(self._failing)

    @property
    def quiet_s(self) -> float:
        """Seconds since the last failure; 0 when nothing fails."""
        with self._lock:
            return self._clock() - max(self._failing.values()) if self._failing else 0.0

    def failed(self, why: str, *, subject: str = "") -> None:
        """Something failed, because of `why`.

        Args:
            why: The cause and the address.
            subject: What failed, where several things use one service: it is over when all of them work again.
        """
        with self._lock:
            now = self._clock()
            begins = not self._failing
            self._failing[subject] = now
            if begins:
                self._began = now
            due = begins or now - self._logged >= EVERY_S
            if due:
                self._logged = now
            lasts_s = now - self._began
        if begins:
            self._logger.warning("%s: %s; trying again", self._away, why)
        elif due:
            self._logger.warning("%s, for %.0f s now: %s", self._away, lasts_s, why)
        else:
            self._logger.debug("%s: %s", self._away, why)

    def works(self, *, subject: str | None = None) -> None:
        """It works again; logged when nothing else fails.

        Args:
            subject: What works again; None is everything.
        """
        if not self._failing:
            return
        with self._lock:
            failing = len(self._failing)
            if subject is None:
                self._failing.clear()
            else:
                self._failing.pop(subject, None)
            over = failing > 0 and not self._failing
            lasted_s = self._clock() - self._began
        if over:
            self._logger.warning("%s after %.0f s", self._back, lasted_s)
