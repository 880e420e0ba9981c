"""What can go wrong with the embedded services.

LocalStackError (a wattnet.schemas.WattnetError)
├── DataFolderInUseError    another stack runs on the folder
├── DownloadError           a service's programs could not be fetched
├── MissingExtraError       the packages of the extra `local` are not installed
├── PortInUseError          another program listens on the port
└── ServiceFailedError      a service did not start, died, or is not running
"""

from __future__ import annotations

from wattnet.schemas import WattnetError


class LocalStackError(WattnetError):
    """Base of all errors that this package raises; `cause` is what the system or a downloader raised."""


class DataFolderInUseError(LocalStackError):
    """Another stack holds the folder's lock."""


class DownloadError(LocalStackError):
    """A service's programs are neither in the cache nor could they be fetched."""


class MissingExtraError(LocalStackError):
    """The packages that bring Java, Kafka and the ClickHouse engine are not installed."""


class PortInUseError(LocalStackError):
    """The port that a service was told to use, or used before, is taken.

    `argument` is the one of LocalStack that chose it (`kafka_port`), None where it was not chosen.
    """

    def __init__(self, message: str, *, port: int, argument: str | None) -> None:
        super().__init__(message)
        self.port = port
        self.argument = argument


class ServiceFailedError(LocalStackError):
    """A service did not become ready, died, or was used while it was not running; the message ends with its log."""
