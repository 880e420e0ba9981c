"""Commands, options and variables that the documents, and the messages in the code, name exist."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from functools import cache
from typing import TYPE_CHECKING

import pytest
from pydantic import AliasChoices
from snippets import ROOT, SHELLS, command_lines, documents, snippets
from typer.main import get_command

from wattnet.cli._app import app, run
from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import BatchSettings, HttpSettings, KafkaSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_settings import BaseSettings

DOCUMENTS = documents()
PARTS = ("schemas", "producer", "consumer", "clickhouse", "query", "storage", "local", "cli", "legacy", "grafana")
MESSAGES = [
    *(path for part in PARTS for path in sorted(ROOT.glob(f"{part}/**/*.py"))),
    *sorted(ROOT.glob("deploy/**/*.y*ml")),
    *sorted(ROOT.glob("clickhouse/**/*.sql")),
    ROOT / "docker-compose.yml",
    ROOT / ".env.example",
]
SETTINGS: tuple[type[BaseSettings], ...] = (KafkaSettings, ClickHouseSettings, BatchSettings, HttpSettings)
# What else reads variables: Docker Compose, Grafana, and the model of the protocol.
ELSEWHERE = [
    ROOT / "docker-compose.yml",
    *ROOT.glob("grafana/**/*.y*ml"),
    ROOT / "tests" / "protocol" / "test_protocol.py",
]
VARIABLE = re.compile(r"\b(?:KAFKA|CLICKHOUSE|WATTNET|SCHEMA_REGISTRY)_[A-Z_]*[A-Z]\b")


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_the_commands_in_blocks_exist(document: Path) -> None:
    for snippet in snippets(document):
        if snippet.language in SHELLS:
            for arguments in command_lines(snippet.text, "wattnet"):
                assert unknown(arguments) is None, f"{snippet.where}: wattnet {' '.join(arguments)}"
            for targets in command_lines(snippet.text, "make"):
                assert {one for one in targets if "=" not in one} <= make_targets(), f"{snippet.where}: make {targets}"


@pytest.mark.parametrize("path", [*DOCUMENTS, *MESSAGES], ids=relative)
def test_the_commands_and_options_in_prose_exist(path: Path) -> None:
    for where, command in commands_in_prose(path.read_text(encoding="utf-8")):
        assert unknown(command) is None, f"{relative(path)}:{where}: wattnet {' '.join(command)}"
    if path.suffix == ".md":
        for where, option in options_in_prose(path.read_text(encoding="utf-8")):
            assert option in all_options(), f"{relative(path)}:{where}: no command has {option}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_the_variables_exist(document: Path) -> None:
    assert set(VARIABLE.findall(document.read_text("utf-8"))) - variables() == set()


def commands_in_prose(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each `wattnet …` between single backticks, with its line; what a program fills in ({…}) is left out."""
    for number, line in enumerate(text.splitlines(), start=1):
        for code in re.findall(r"(?<!`)`wattnet ([^`]+)`", line):
            words = [word for word in code.split() if "{" not in word and word != "…"]
            if "|" in words:  # `wattnet migrate up | down | status`
                yield from ((number, [words[0], each]) for each in words[1:] if each != "|")
            else:
                yield number, words


def options_in_prose(text: str) -> Iterator[tuple[int, str]]:
    """Each `--option …` between single backticks, with its line."""
    for number, line in enumerate(text.splitlines(), start=1):
        yield from ((number, option) for option in re.findall(r"(?<!`)`(--[a-z][a-z-]*)", line))


def unknown(arguments: list[str]) -> str | None:
    """The first word that the command line does not know, or None."""
    path: list[str] = []
    for word in arguments:
        shown = help_of(*path)
        _, _, commands = shown.partition("\nCommands")
        if word.startswith("-"):
            if not re.search(rf"(?<![\w-]){re.escape(word.split('=')[0])}(?![\w-])", shown):
                return word
        elif commands:
            if not re.search(rf"^  {re.escape(word)}(\s|$)", commands, re.MULTILINE):
                return word
            path.append(word)
    return None


@cache
def help_of(*commands: str) -> str:
    """What `wattnet … --help` prints."""
    shown = io.StringIO()
    with redirect_stdout(shown):
        assert run([*commands, "--help"]) == 0
    return shown.getvalue()


@cache
def all_options() -> frozenset[str]:
    """The long options of all commands."""

    def options(command: object) -> Iterator[str]:
        for parameter in getattr(command, "params", ()):
            yield from parameter.opts
        for each in getattr(command, "commands", {}).values():
            yield from options(each)

    return frozenset({"--help", *options(get_command(app))})


@cache
def variables() -> frozenset[str]:
    """Every environment variable that settings read, or that is named where it is read."""
    named = set()
    for settings in SETTINGS:
        prefix = settings.model_config.get("env_prefix", "")
        for name, field in settings.model_fields.items():
            named.add(f"{prefix}{name}".upper())
            alias = field.validation_alias
            if isinstance(alias, AliasChoices):
                named |= {str(choice).upper() for choice in alias.choices}
            elif alias is not None:
                named.add(str(alias).upper())
    code = [path for part in PARTS for path in ROOT.glob(f"{part}/**/*.py")]
    for path in [*code, *ELSEWHERE]:
        named |= set(VARIABLE.findall(path.read_text("utf-8")))
    return frozenset(named)


@cache
def make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_check_of_commands_checks() -> None:
    shell = """
    $ KAFKA_TOPIC=x wattnet verify --json | jq .ok   # a comment: wattnet nonsense
    .venv/bin/wattnet migrate \\
        up && wattnet migrate down --yes; wattnet up --data-dir=./here &
    pip install 'wattnet-storage[cli]'
    """
    calls = command_lines(shell, "wattnet")
    assert calls == [
        ["verify", "--json"],
        ["migrate", "up"],
        ["migrate", "down", "--yes"],
        ["up", "--data-dir=./here"],
    ]
    assert [unknown(call) for call in calls] == [None] * 4
    assert unknown(["verfy"]) == "verfy"
    assert unknown(["verify", "--jsn"]) == "--jsn"
    assert unknown(["migrate", "upp"]) == "upp"
    assert unknown(["--version"]) is None


def test_the_check_of_prose_checks() -> None:
    prose = "Run `wattnet migrate up | dwn`, or\n`wattnet verify --jsn {name}`; see `--jsn N` and `--json`."
    found = [command for _, command in commands_in_prose(prose)]
    assert found == [["migrate", "up"], ["migrate", "dwn"], ["verify", "--jsn"]]
    assert [unknown(command) for command in found] == [None, "dwn", "--jsn"]
    assert [*options_in_prose(prose)] == [(2, "--jsn"), (2, "--json")]
    assert "--json" in all_options()
    assert "--jsn" not in all_options()
    assert {"KAFKA_SASL_PASSWORD_FILE", "SCHEMA_REGISTRY_URL", "WATTNET_LOG_LEVEL"} <= variables()
