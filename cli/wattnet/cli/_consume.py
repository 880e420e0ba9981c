"""`wattnet consume`."""

from __future__ import annotations

import typer

from wattnet.cli._signals import end_while_loading


def consume() -> None:
    """Store what comes from Kafka in ClickHouse, exactly once.

    Runs until SIGTERM or Ctrl-C. Start as many as you like, up to the number of the topic's partitions. Logs short
    lines on a terminal, JSON elsewhere; WATTNET_LOG_FORMAT=text or json says which.
    Exit codes: 0 drained and stopped, 69 a service does not answer, 70 internal error, 78 bad configuration.
    """
    end_while_loading()  # until the consumer has handlers of its own
    from wattnet.cli._logging import log_to_stderr
    from wattnet.cli._settings import LogSettings, read_one, read_settings
    from wattnet.consumer import consume as run

    settings = read_settings()
    log = read_one(LogSettings)
    log_to_stderr(log.log_level, log.log_format)
    raise typer.Exit(run(settings))
