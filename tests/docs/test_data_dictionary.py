"""The page of the data dictionary says what the data say; what it should hold is printed where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snippets import ROOT

from wattnet.cli._app import run
from wattnet.schemas import KNOWN_LABELS, KNOWN_NAMES, KNOWN_UNITS, LABELS_BY_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

PAGE = ROOT / "docs" / "data-dictionary.md"
EXPECTED = {member.value: labels for member, labels in LABELS_BY_TYPE.items()}


def code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def tables() -> Iterator[str]:
    """The page's tables, line by line."""
    yield "| metric name | meaning | usual units | labels that readers expect |"
    yield "|---|---|---|---|"
    for name in KNOWN_NAMES.values():
        expected = code(label for label in KNOWN_LABELS if label in EXPECTED.get(name.name, ()))
        yield f"| `{name.name}` | {name.meaning} | {code(name.units)} | {expected} |"
    yield "| name | what it is | meaning | such as |"
    yield "|---|---|---|---|"
    for label in KNOWN_LABELS.values():
        yield f"| `{label.name}` | {label.role} | {label.meaning} | {code(label.examples)} |"
    yield "| unit | meaning | taken for it, with a warning |"
    yield "|---|---|---|"
    for unit in KNOWN_UNITS.values():
        yield f"| `{unit.symbol}` | {unit.meaning} | {code(unit.spellings)} |"


def test_the_page_has_the_data() -> None:
    on_page = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert on_page == [*tables()], "the page's tables have to be:\n" + "\n".join(tables())


def test_the_command_has_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """It asks no service."""
    assert run(["names", "--describe"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    described = {words[0]: " ".join(words[1:]) for words in lines if words}
    assert all(described[name.name].startswith(name.meaning) for name in KNOWN_NAMES.values())
    assert all(described[label.name].startswith(label.meaning) for label in KNOWN_LABELS.values())
    assert all(described[unit.symbol] == unit.meaning for unit in KNOWN_UNITS.values())
