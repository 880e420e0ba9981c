"""The breaker: a partition that brings mostly refused messages stands still, for somebody deployed a wrong producer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

# Fewer messages say nothing about a producer.
WINDOW_MESSAGES = 1_000


@dataclass(slots=True)
class Breaker:
    """One partition's. Judges the newest ranges that together hold at least WINDOW_MESSAGES.

    Closed, it lets everything pass. When more than `share` of the window was refused it opens, and the partition is
    not read. After `pause_s`, or by command, it is on trial: ranges of at most WINDOW_MESSAGES, judged among
    themselves; a good window closes it, a bad one opens it again. A share of 1 never opens.
    """

    share: float
    pause_s: float
    _window: deque[tuple[int, int]] = field(default_factory=deque)
    _opened_at: float | None = None
    _on_trial: bool = False

    def is_open(self, now: float) -> bool:
        """Whether the partition has to stand still; begins the trial when the pause is over."""
        if self._opened_at is not None and now - self._opened_at >= self.pause_s:
            self.close()
        return self._opened_at is not None

    def close(self) -> None:
        """Go on, on trial."""
        self._opened_at = None
        self._on_trial = True
        self._window.clear()

    @property
    def max_rows(self) -> int | None:
        """The most messages that the next range may hold; None for no limit of the breaker's."""
        return WINDOW_MESSAGES if self._on_trial else None

    def count(self, messages: int, refused: int, now: float) -> str:
        """Take a stored range into account; returns why the breaker opened, empty when it did not."""
        self._window.append((messages, refused))
        total, bad = (sum(column) for column in zip(*self._window, strict=True))
        while total - self._window[0][0] >= WINDOW_MESSAGES:
            first = self._window.popleft()
            total, bad = total - first[0], bad - first[1]
        if total < WINDOW_MESSAGES:
            return ""
        self._on_trial = False
        if bad <= self.share * total:
            return ""
        self._opened_at = now
        return f"{bad:,} of the last {total:,} messages were refused (more than {self.share:.0%})"
