"""The tree of commands as typer runs it: groups in the help, no colours where they are not wanted, closed pipes."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_PIPE_CLOSED = 141  # 128 + SIGPIPE, as a shell says it of any other program


class Commands(TyperGroup):
    """Commands under the heading that they were added with (rich_help_panel)."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """A section of help for each heading, in the order of the first command below each."""
        sections: dict[str, list[tuple[str, Any]]] = {}
        for name in self.list_commands(ctx):
            command = self.commands[name]
            heading = getattr(command, "rich_help_panel", None) or "Commands"
            sections.setdefault(heading, []).append((name, command))
        width = max(map(len, self.commands))
        for heading, commands in sections.items():
            with formatter.section(heading):
                room = formatter.width - 6 - width
                formatter.write_dl([(f"{name:<{width}}", one.get_short_help_str(room)) for name, one in commands])

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Help and completion are printed here."""
        with _closed_pipe():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run what was asked for."""
        with _closed_pipe():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


@contextmanager
def _closed_pipe() -> Iterator[None]:
    """Whoever read has enough (`| head`): end quietly."""
    try:
        yield
    except BrokenPipeError:
        # What is still buffered has to go somewhere when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(EXIT_PIPE_CLOSED) from None
