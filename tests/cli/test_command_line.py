"""What everyone meets first: help, version, mistakes, and what is said about them."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wattnet.cli._failures import EXTRA_OF_PACKAGE, explain
from wattnet.cli._signals import Stopped, stoppable
from wattnet.local import DataFolderInUseError, MissingExtraError
from wattnet.producer import BrokerUnreachableError, TopicCreationError

if TYPE_CHECKING:
    from command import Command

COMMANDS = (
    *("publish", "query", "tail", "latest", "gaps", "balance", "series", "names"),
    *("init", "consume", "verify", "lag", "doctor", "close-breakers", "dead-letters", "migrate", "kafka-engine"),
    "import-legacy",
    *("demo", "up"),
)


def test_help_names_every_command(wattnet: Command) -> None:
    help_ = wattnet("--help")
    assert help_.returncode == 0
    for command in COMMANDS:
        assert f"\n  {command} " in help_.stdout
        assert wattnet(command, "--help").returncode == 0
    assert "..." not in help_.stdout.partition("\nCommands")[2], "no sentence is cut off"
    assert wattnet().stderr + wattnet().stdout == help_.stdout, "without arguments too"


def test_help_is_fast() -> None:
    """Nothing heavy is imported for it: people call it often."""
    code = "import sys; from wattnet.cli._app import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    for heavy in ("confluent_kafka", "clickhouse_connect", "pydantic", "rich", "structlog", "numpy", "plotext"):
        assert f"'{heavy}'" not in loaded


def test_version(wattnet: Command) -> None:
    from importlib.metadata import version

    assert wattnet("--version").stdout == f"wattnet-storage {version('wattnet-storage')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["migrat"], "Did you mean 'migrate'?"),
        (["up", "--data-dri", "x"], "--data-dri"),
        (["init", "--partitions", "0"], "should be greater than or equal to 1"),
        (["migrate", "sideways"], "No such command 'sideways'"),
    ],
)
def test_wrong_usage_exits_2(wattnet: Command, arguments: list[str], words: str) -> None:
    answer = wattnet(*arguments)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert answer.stdout == ""


def test_all_wrong_settings_are_named_at_once(wattnet: Command) -> None:
    """Each variable with its value and the rule; exit code 78; no traceback."""
    env = {
        "CLICKHOUSE_PORT": "abc",
        "KAFKA_OPTIONS": "{sasl.password",
        "WATTNET_MAX_BATCH_ROWS": "0",
    }
    for command in ("consume", "verify"):
        answer = wattnet(command, env=env)
        assert answer.returncode == 78
        assert "3 settings are wrong" in answer.stderr
        assert "CLICKHOUSE_PORT='abc': input should be a valid integer" in answer.stderr
        assert "WATTNET_MAX_BATCH_ROWS='0': input should be greater than or equal to 1" in answer.stderr
        assert "KAFKA_OPTIONS: should be a JSON object" in answer.stderr
        assert "sasl.password" not in answer.stderr, "options may hold a password"
        assert "Traceback" not in answer.stderr
        assert answer.stdout == ""


def test_the_demo_starts_nothing_with_wrong_settings(wattnet: Command) -> None:
    answer = wattnet("demo", env={"WATTNET_FLUSH_INTERVAL_S": "-1"})
    assert answer.returncode == 78
    assert "WATTNET_FLUSH_INTERVAL_S='-1': input should be greater than 0" in answer.stderr
    assert not list(wattnet.folder.iterdir())


def test_wrong_settings_in_a_file_are_named_too(wattnet: Command) -> None:
    (wattnet.folder / ".env").write_text("CLICKHOUSE_PORT=0\nKAFKA_TOPIC=\n")
    answer = wattnet("verify")
    assert answer.returncode == 78
    assert "KAFKA_TOPIC: string should" in answer.stderr
    assert "CLICKHOUSE_PORT: input should be greater than or equal to 1" in answer.stderr


def test_a_missing_secret_file_is_named(wattnet: Command) -> None:
    answer = wattnet("migrate", "status", env={"CLICKHOUSE_PASSWORD_FILE": "/nowhere/secret"})
    assert answer.returncode == 78
    assert "CLICKHOUSE_PASSWORD_FILE='/nowhere/secret': No such file" in answer.stderr


def test_a_wrong_log_level_is_named(wattnet: Command) -> None:
    answer = wattnet("consume", env={"WATTNET_LOG_LEVEL": "loud"})
    assert answer.returncode == 78
    assert "WATTNET_LOG_LEVEL='loud': must be one of DEBUG, INFO, WARNING, ERROR" in answer.stderr


@pytest.mark.parametrize("arguments", [["verify"], ["migrate", "up"]])
def test_no_clickhouse_exits_69_soon(wattnet: Command, arguments: list[str]) -> None:
    answer = wattnet(*arguments, env={"CLICKHOUSE_PORT": "1"}, timeout_s=20)
    assert answer.returncode == 69
    assert answer.stderr == (
        "wattnet: no ClickHouse answers at http://localhost:1: start it, or set CLICKHOUSE_HOST and CLICKHOUSE_PORT\n"
    )


def test_a_missing_extra_is_named_with_the_fix() -> None:
    for package, extra in EXTRA_OF_PACKAGE.items():
        failure = explain(ModuleNotFoundError(f"No module named '{package}.x'", name=f"{package}.x"))
        assert failure.exit_code == 78
        assert f"pip install 'wattnet-storage[{extra}]'" in failure.message


def test_the_bare_install_says_what_the_command_line_needs(wattnet: Command) -> None:
    code = "import sys; sys.modules['typer'] = None; from wattnet.cli import main; main()"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.returncode == 78
    assert answer.stderr == "wattnet: the command line needs typer: pip install 'wattnet-storage[cli]'\n"


def test_what_each_error_exits_with() -> None:
    assert explain(BrokerUnreachableError("x")).exit_code == 69
    assert explain(DataFolderInUseError("x")).exit_code == 69
    assert explain(MissingExtraError("x")).exit_code == 78
    assert explain(TopicCreationError("x")).exit_code == 78
    unknown = explain(ZeroDivisionError("division by zero"))
    assert unknown.exit_code == 70
    assert unknown.message.startswith("internal error: ZeroDivisionError: division by zero")


def test_a_reader_that_has_enough_breaks_nothing(wattnet: Command) -> None:
    """`wattnet … | head`: no traceback, however early the pipe closes."""
    process = wattnet.start("--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(20) == 141, "128 + SIGPIPE, as a shell says it of any program"
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_signal_that_c_code_loses_is_a_stop_all_the_same() -> None:
    """A callback out of C may turn what the handler raised into an error of its own."""

    def call_into_c() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except Stopped:
            raise TypeError("expected configuration property name as type unicode string") from None

    with pytest.raises(Stopped, match="SIGINT"), stoppable():
        call_into_c()
    with pytest.raises(TypeError, match="its own"), stoppable():
        raise TypeError("its own")
