"""`wattnet close-breakers`."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import typer

from wattnet.cli._failures import EXIT_UNAVAILABLE, EXIT_USAGE, CommandError

TIMEOUT_S = 10.0


def close_breakers(
    url: str = typer.Argument(help="Where the consumer serves HTTP, as it says on its log: http://127.0.0.1:9464"),
) -> None:
    """Let the partitions that a breaker stopped go on.

    A breaker opens when more than WATTNET_BREAKER_SHARE of a partition's newest messages were refused. Closed by this
    command, the partition is on trial: a range of at most 1,000 messages, and it opens again when they are as bad.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise CommandError(
            f"{url!r} is no address of a consumer: write it like http://127.0.0.1:9464", exit_code=EXIT_USAGE
        )
    try:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
        connection.request("POST", "/breaker/close")
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise CommandError(f"no consumer answers at {url}: {exc}", exit_code=EXIT_UNAVAILABLE).caused_by(exc) from None
    if status != http.client.ACCEPTED:
        raise CommandError(f"what answers at {url} is no consumer (status {status})", exit_code=EXIT_UNAVAILABLE)
    typer.echo("partitions that stood still go on, on trial")
