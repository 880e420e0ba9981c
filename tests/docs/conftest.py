"""What was not run is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snippets import documents, snippets

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for document in documents():
        for snippet in snippets(document):
            if snippet.language == "python" and snippet.not_run:
                terminalreporter.write_line(f"{snippet.where} not run: {snippet.not_run}")
