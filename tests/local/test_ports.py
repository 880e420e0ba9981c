"""Which ports are taken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from wattnet.local import _ports

if TYPE_CHECKING:
    import pytest


def test_processes_that_start_together_look_in_different_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that one has chosen stays free until its service listens."""
    chosen = []
    for pid in range(4_000, 4_100):
        monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
        chosen.append({_ports.free_port(taken=set()) for _ in range(5)})
    assert len(set().union(*chosen)) == sum(map(len, chosen))
    assert all(_ports.FIRST <= port < _ports.LAST for ports in chosen for port in ports)


def test_a_process_whose_own_ports_are_taken_looks_further(monkeypatch: pytest.MonkeyPatch) -> None:
    own = set(range(20_000, 20_100))
    monkeypatch.setattr("os.getpid", lambda: 120)
    assert _ports.free_port(taken=set()) in own
    further = _ports.free_port(taken=own)
    assert further not in own
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", further))
        taken.listen()
        assert not _ports.is_free(further)
