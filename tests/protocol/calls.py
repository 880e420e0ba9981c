"""The calls that a consumer makes to the outside: each of them is where it may die, be cut off, or be overtaken."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from wattnet.consumer import ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CALLS = ("poll", "topic_id", "committed", "tail", "extent", "start_at", "claim")


class CrashedError(BaseException):
    """The process is gone: nothing in it catches this."""


class Trouble(Enum):
    """What befalls one call."""

    CRASH_BEFORE = "the process dies before the call"
    CRASH_AFTER = "the process dies after the call took effect"
    AWAY = "nobody answers, and nothing happened"
    ANSWER_LOST = "it took effect, but the answer is lost"
    LATE = "no answer; a commit takes effect later, perhaps after others"
    PUT_OUT = "the group puts the member out just before the call"
    INTRUSION = "something else happens just before the call"


@dataclass
class Calls:
    """One turn's calls: remembers them, and plays the trouble that was set for one of them."""

    put_out: Callable[[], None]
    made: list[str] = field(default_factory=list)
    _at: int | str = -1
    _trouble: Trouble | None = None
    _intrusion: Callable[[], None] = field(default=lambda: None)

    def expect(self, at: int | str, trouble: Trouble | None, intrusion: Callable[[], None] = lambda: None) -> None:
        """A new turn, in which `trouble` befalls the call that is number `at`, or the first one of that name."""
        self._at, self._trouble, self._intrusion = at, trouble, intrusion
        self.made.clear()

    def make(
        self,
        name: str,
        act: Callable[[], T],
        *,
        instead: Callable[[], object] = lambda: None,
        local: bool = False,
    ) -> T:
        """Make the call `name` by `act`; LATE does `instead`. Raises what the trouble amounts to.

        A `local` call answers from memory: it cannot be cut off.
        """
        met = self._at == len(self.made) or (self._at == name and name not in self.made)
        trouble = self._trouble if met else None
        self.made.append(name)
        if trouble is Trouble.CRASH_BEFORE:
            raise CrashedError
        if trouble is Trouble.PUT_OUT:
            self.put_out()
        if trouble is Trouble.INTRUSION:
            self._intrusion()
        if local and trouble in {Trouble.AWAY, Trouble.LATE, Trouble.ANSWER_LOST}:
            trouble = None
        if trouble in {Trouble.AWAY, Trouble.LATE}:
            if trouble is Trouble.LATE:
                instead()
            raise ServiceUnavailableError("away")
        result = act()
        if trouble is Trouble.CRASH_AFTER:
            raise CrashedError
        if trouble is Trouble.ANSWER_LOST:
            raise ServiceUnavailableError("the answer is lost")
        return result
