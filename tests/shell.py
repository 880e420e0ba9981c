"""The command inside of this process: cheap, where no process or terminal of its own is what is tested."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from command import OURS

from wattnet.cli._app import run

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass
class Shell:
    """Runs `wattnet` here, with nothing of its settings in the environment but what the test gives."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **env: str) -> Ended:
        """A command that has ended."""
        self.capsys.readouterr()
        with self.monkeypatch.context() as patch, warnings.catch_warnings():
            for name in [*os.environ]:
                if name.startswith(OURS):
                    patch.delenv(name)
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            exit_code = run([*arguments])
        written = self.capsys.readouterr()
        return Ended(exit_code, written.out, written.err)
