"""`wattnet consume` that drains and ends when the process that started it is gone.

Standard input is a pipe from that process: its end is the process's end. A killed demo cannot stop its consumers.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from wattnet.cli import main

# Kafka and ClickHouse end with the demo too, so there may be nothing left to drain to.
GRACE_S = 5.0


def _end_with_parent() -> None:
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(signal.SIGTERM + 128)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.argv = ["wattnet", "consume"]
    main()
