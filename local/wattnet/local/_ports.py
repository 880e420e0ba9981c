"""Ports on 127.0.0.1: is one free, and which one to take."""

from __future__ import annotations

import os
import random
import socket
from itertools import chain

from wattnet.local._errors import LocalStackError, PortInUseError

HOST = "127.0.0.1"
# Below the ephemeral ranges of Linux (32768) and macOS (49152). From inside them a client that reconnects to a service
# that is down can be given the service's own port as its source, connect to itself, and keep the service from binding.
FIRST, LAST = 20_000, 32_000
# Each process looks among a hundred of its own first. A port is free until its service listens, seconds later, and
# again while the service is down: processes that start stacks at the same time would now and then choose the same.
OWN = 100


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections that linger in TIME_WAIT after a kill are no reason to refuse.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether something accepts connections on the port now."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def require_free(port: int, *, service: str, argument: str | None = None) -> None:
    """Raise PortInUseError when a server could not listen on the port, which `argument` of LocalStack chose."""
    if not is_free(port):
        other = f", or choose another {argument} (None takes a free one)" if argument else " and start again"
        raise PortInUseError(
            f"{service} cannot listen on {HOST}:{port}: another program uses that port. Stop it{other}",
            port=port,
            argument=argument,
        )


def free_port(*, taken: set[int]) -> int:
    """A free port that is not in `taken`."""
    own = FIRST + os.getpid() * OWN % (LAST - FIRST)
    for port in chain(random.sample(range(own, own + OWN), OWN), random.sample(range(FIRST, LAST), 200)):
        if port not in taken and is_free(port):
            return port
    raise LocalStackError(f"no free port found on {HOST} between {FIRST} and {LAST}")
