"""python -m wattnet.local._clickhouse_http PORT FOLDER: serve the engine over FOLDER until SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

from wattnet.local._clickhouse_http._engine import Engine
from wattnet.local._clickhouse_http._handler import Handler
from wattnet.local._ports import HOST

MEMORY_BYTES = 4 << 30


def main() -> None:
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    os.chdir(folder)
    stopped = threading.Event()
    # A terminal's Ctrl-C reaches the stack, which stops this process in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        engine = Engine(folder, memory_bytes=min(MEMORY_BYTES, machine // 2))
    except (RuntimeError, OSError) as exc:
        # Without chDB's stack trace, behind which the reason would not be seen.
        sys.exit(f"the ClickHouse engine cannot use {folder}: {str(exc).splitlines()[0]}")
    server = Server((HOST, port), type("EngineHandler", (Handler,), {"engine": engine}))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stopped.wait()
    server.shutdown()
    engine.close(timeout_s=1)
    # Not through the interpreter's end: threads may still be inside the engine.
    os._exit(0)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


main()
