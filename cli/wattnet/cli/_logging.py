"""Logging of a process: structlog and every library's stdlib logging through one handler, or nowhere."""

from __future__ import annotations

import logging
import os
import sys
from io import StringIO
from typing import TYPE_CHECKING, TextIO

import structlog

from wattnet.cli._terminal import escaped

if TYPE_CHECKING:
    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

FIRST_KEYS = ("timestamp", "level", "event", "logger")


def log_to_stderr(level: str, form: str = "auto") -> None:
    """JSON lines on standard error, or lines for people when it is a terminal. For services.

    Args:
        level: The lowest that is shown.
        form: 'text' (a line is time, level, what happened and where) or 'json' wherever it goes; 'auto' looks.
    """
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if text else "iso", utc=not text),
    ]
    render: list[Processor]
    if text:
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ,
            exception_formatter=_traceback,
            pad_event_to=0,
            pad_level=False,
        )
        render = [_short, _escaped, console]
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


def _short(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The part of the program by a short name, and no field that the text has already."""
    event["logger"] = str(event.get("logger", "")).removeprefix("wattnet.").replace("._", ".")
    for name in ("topic", "partition", "offset", "batch_id"):
        event.pop(name, None)
    return event


def _escaped(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """On a terminal: texts out of messages and servers' errors give no orders, and make no lines of their own."""
    return {key: escaped(value, keep="") if isinstance(value, str) else value for key, value in event.items()}


def _traceback(to: TextIO, exc_info: ExcInfo) -> None:
    text = StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    to.write(escaped(text.getvalue()))


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: event.pop(key) for key in FIRST_KEYS if key in event} | dict(event)
