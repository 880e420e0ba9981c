"""Logging of a process: structlog and every library's stdlib logging through one handler, or nowhere."""

from __future__ import annotations

import logging
import sys
from io import StringIO
from typing import TYPE_CHECKING, TextIO

import structlog

from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

FIRST_KEYS = ("timestamp", "level", "event", "logger")


def log_to_stderr(level: str) -> None:
    """JSON lines on standard error, or lines for people when it is a terminal. For services."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[Processor]
    if sys.stderr.isatty():
        render = [_escaped, structlog.dev.ConsoleRenderer(exception_formatter=_traceback)]
    else:
        render = [structlog.processors.format_exc_info, _in_order, structlog.processors.JSONRenderer(default=str)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    _install(handler, level, shared)


def keep_quiet() -> None:
    """Libraries' logs and warnings go nowhere: for commands that talk to people, and raise what matters as errors."""
    _install(logging.NullHandler(), "CRITICAL", [])


def _install(handler: logging.Handler, level: str, shared: list[Processor]) -> None:
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    # Libraries that find structlog use it, and unconfigured it prints to standard output.
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """On a terminal: texts out of messages and servers' errors give no orders, and make no lines of their own."""
    return {key: escaped(value, keep="") if isinstance(value, str) else value for key, value in event.items()}


def _traceback(to: TextIO, exc_info: ExcInfo) -> None:
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    to.write(escaped(text.getvalue()))


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: event.pop(key) for key in FIRST_KEYS if key in event} | dict(event)
