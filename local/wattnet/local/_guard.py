"""Runs one service and ends it when the stack's process is gone, however that died.

    python _guard.py PARENT_PID COMMAND…

Standard input is a pipe from the parent: its end is the parent's end. Standard output gets the service's pid.
A process of its own, because a killed parent cannot tidy up, Java does not notice, and a paused service cannot.
Standard library only: it runs isolated, so that it starts fast and imports nothing of the user's.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading

GRACE_S = 2.0


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        preexec_fn=_prepare_child,
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    os.write(1, f"{child.pid}\n".encode())
    os.close(1)
    threading.Thread(target=_end_with_parent, args=(parent, child), daemon=True).start()
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


def _prepare_child() -> None:
    # Ignored signals stay ignored over exec.
    for signal_ in (signal.SIGINT, signal.SIGHUP):
        signal.signal(signal_, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        # PR_SET_PDEATHSIG: should the guard itself be killed, the kernel kills the service. Bound to the forking
        # thread, which here is the guard's main thread.
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _end_with_parent(parent: int, child: subprocess.Popen[bytes]) -> None:
    # The parent's pid too: a forked child of the parent may hold the pipe open.
    while os.getppid() == parent and not select.select([0], [], [], 1.0)[0]:
        pass
    child.terminate()
    child.send_signal(signal.SIGCONT)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    main()
