"""The code blocks of a Markdown document, in order.

A block below the line `<!-- not run: why -->` is not run; whoever runs the others says so.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"\s*```+(\w*)")
NOT_RUN = re.compile(r"\s*<!-- not run: (.+?) -->\s*")
SHELLS = {"bash", "console", "sh", "shell"}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block; `line` is that of its first line of code, `not_run` the reason not to run it."""

    document: Path
    line: int
    language: str
    text: str
    not_run: str | None

    @property
    def where(self) -> str:
        """`README.md:12`"""
        return f"{self.document.name}:{self.line}"


def documents() -> list[Path]:
    """Everything that people read about the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]


def snippets(document: Path) -> list[Snippet]:
    """All fenced blocks of a document."""
    found = []
    lines = document.read_text(encoding="utf-8").splitlines()
    mark: str | None = None
    reason: str | None = None
    language = ""
    opened: int | None = None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if fence and opened is None:
            opened, language, reason = number, fence[1], mark
        elif fence and opened is not None:
            text = textwrap.dedent("\n".join(lines[opened + 1 : number])) + "\n"
            found.append(Snippet(document, opened + 2, language, text, reason))
            opened = mark = None
        elif opened is None and line.strip():
            comment = NOT_RUN.fullmatch(line)
            mark = comment[1] if comment else None
    assert opened is None, f"{document.name}:{(opened or 0) + 1}: this block is not closed"
    return found


def command_lines(shell: str, program: str) -> list[list[str]]:
    """The arguments of each call of `program` in a shell block: `FOO=1 wattnet up --help | less` is [up, --help]."""
    calls = []
    for line in shell.replace("\\\n", " ").splitlines():
        if program not in line:
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if word.strip("();<>|&"):
                command.append(word)
                continue
            for position, part in enumerate(command):
                if part == program or part.endswith(f"/bin/{program}"):
                    calls.append(command[position + 1 :])
                    break
            command = []
    return calls
