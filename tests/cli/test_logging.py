"""A service's log: short lines for people, JSON for programs."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING

import pytest
import structlog

from wattnet.cli._logging import log_to_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def before() -> Iterator[None]:
    """Logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def said(form: str, capsys: pytest.CaptureFixture[str], *, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    log_to_stderr("INFO", form)
    where = {"topic": "t", "partition": 3, "offset": 7}
    logging.getLogger("wattnet.consumer._loop").warning("partition %d waits\x1b[2J", 3, extra=where)
    return capsys.readouterr().err


@pytest.mark.parametrize(("form", "terminal"), [("text", False), ("text", True), ("auto", True)])
def test_people_get_time_what_and_where(
    form: str, terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    line = said(form, capsys, terminal=terminal, monkeypatch=monkeypatch)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \[warning\] partition 3 waits\\x1b\[2J \[consumer\.loop\]\n", line), line


@pytest.mark.parametrize(("form", "terminal"), [("json", True), ("json", False), ("auto", False)])
def test_programs_get_json(
    form: str, terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.loads(said(form, capsys, terminal=terminal, monkeypatch=monkeypatch))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "warning",
        "event": "partition 3 waits\x1b[2J",
        "logger": "wattnet.consumer._loop",
        "topic": "t",
        "partition": 3,
        "offset": 7,
    }
