"""A stack in the foreground stops when it is told to, also where C code loses what the signal's handler raised."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from wattnet.local import LocalStack, ServiceFailedError, run_until_stopped

if TYPE_CHECKING:
    from collections.abc import Callable


class PretendedStack(LocalStack):
    """Starts nothing; `starting` stands for what a start does."""

    def __init__(self, starting: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self._starting = starting
        self.stopped = 0

    def start(self) -> LocalStack:
        self._starting()
        return self

    def stop(self) -> None:
        self.stopped += 1

    def require_running(self) -> None:
        raise ServiceFailedError("Apache Kafka ended with exit code 1")


def loses_it_and_fails() -> None:
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        raise TypeError("expected configuration property name as type unicode string") from None


def loses_it() -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("call_into_c", [loses_it_and_fails, loses_it])
@pytest.mark.parametrize("where", ["at the start", "when it serves"])
def test_a_signal_that_c_code_loses_is_a_stop_all_the_same(call_into_c: Callable[[], None], where: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stack = PretendedStack(call_into_c if where == "at the start" else lambda: None)
    run_until_stopped(stack, on_ready=lambda _: None if where == "at the start" else call_into_c())
    assert stack.stopped == (0 if (where, call_into_c) == ("at the start", loses_it_and_fails) else 1), (
        "start itself cleans up where it fails"
    )
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_stops_it(number: signal.Signals) -> None:
    stack = PretendedStack()
    run_until_stopped(stack, on_ready=lambda _: signal.raise_signal(number))
    assert stack.stopped == 1


def test_other_errors_are_what_they_are() -> None:
    with pytest.raises(ServiceFailedError, match="exit code 1"):
        run_until_stopped(PretendedStack(), on_ready=lambda _: None)
    with pytest.raises(TypeError, match="its own"):
        run_until_stopped(PretendedStack(), on_ready=lambda _: (_ for _ in ()).throw(TypeError("its own")))
