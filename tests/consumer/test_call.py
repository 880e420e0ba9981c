"""Calls that may never return are given a time."""

from __future__ import annotations

from threading import Event

import pytest

from wattnet.consumer._call import Call


def test_a_call_that_does_not_return_is_not_answered_until_it_does() -> None:
    silent = Event()
    call = Call(lambda: silent.wait(60))
    assert not call.answered(0.01)
    silent.set()
    assert call.answered(60)
    assert call.answer() is True


def test_what_the_call_raises_is_its_answer() -> None:
    def refuse() -> None:
        raise ValueError("no")

    call = Call(refuse)
    assert call.answered(60)
    with pytest.raises(ValueError, match="no"):
        call.answer()
