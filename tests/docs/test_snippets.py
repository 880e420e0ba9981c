"""The programs in the documents run as they are printed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import nbformat
import pytest
from command import Command
from nbclient import NotebookClient
from road import until
from snippets import ROOT, Snippet, documents, snippets
from warm_process import WarmProcess

from wattnet.clickhouse import ClickHouseSettings
from wattnet.consumer import KafkaSettings, Settings, verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wattnet.local import LocalStack

DOCUMENTS = documents()


class Reader:
    """Somebody who copies one program after the other, with a consumer running beside.

    The documents name the usual ports; here the stack's own addresses are put in their place.
    """

    def __init__(self, stack: LocalStack, command: Command) -> None:
        self._command = command
        self._addresses = {"http://localhost:8123": stack.clickhouse_url, "localhost:9092": stack.bootstrap_servers}
        self._env = stack.env
        self._settings = Settings(
            kafka=KafkaSettings(bootstrap_servers=stack.bootstrap_servers),
            clickhouse=ClickHouseSettings.from_url(stack.clickhouse_url),
        )

    def here(self, text: str) -> str:
        """The same with this stack's addresses."""
        for usual, actual in self._addresses.items():
            text = text.replace(usual, actual)
        return text

    def run(self, snippet: Snippet) -> None:
        """Run it as a program, or under pytest where it is a test; then wait until all that it sent is stored."""
        text = self.here(snippet.text)
        is_test = re.search(r"^def test_", text, re.MULTILINE) is not None
        program = self._command.folder / f"{'test_' if is_test else ''}line_{snippet.line}.py"
        program.write_text(text, encoding="utf-8")
        done = self._run_test(program) if is_test else self._command(env=self._env, program=program)
        shown = f"{snippet.where}\n{text}\n{done.stdout}\n{done.stderr}"
        assert done.returncode == 0, shown
        assert done.stderr == "", f"whoever copies it sees a warning: {shown}"
        until(lambda: verify(self._settings).in_flight == 0, f"stored: {snippet.where}")

    def _run_test(self, program: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                f"--rootdir={program.parent}",
                program.name,
            ],
            cwd=program.parent,
            env=self._command.environment(self._env),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture(scope="module")
def reader(wattnet_stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    command = Command(tmp_path_factory.mktemp("reader"))
    log = command.folder / "consumer.log"
    env = command.environment({**wattnet_stack.env, "WATTNET_FLUSH_INTERVAL_S": "0.2"})
    consumer = WarmProcess(["consume"], env=env, stderr=log, folder=command.folder)
    yield Reader(wattnet_stack, command)
    assert consumer.poll() is None, f"the consumer stays up:\n{log.read_text()}"
    consumer.terminate()
    assert consumer.wait(45) == 0, log.read_text()


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if document != ROOT / "README.md"],  # test_readme.py runs that one
    ids=lambda document: str(document.relative_to(ROOT)),
)
@pytest.mark.timeout(600)
def test_the_programs_run_in_their_order(document: Path, reader: Reader, subtests: pytest.Subtests) -> None:
    for snippet in snippets(document):
        if snippet.language == "python" and not snippet.not_run:
            with subtests.test(snippet.where):
                reader.run(snippet)


@pytest.mark.timeout(600)
def test_the_notebook_runs(reader: Reader) -> None:
    """Every cell of it, in a kernel of its own; its asserts are part of what it shows."""
    text = reader.here((ROOT / "examples" / "us_grid_2022.ipynb").read_text(encoding="utf-8"))
    notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]  # nbformat's types end here
    done = NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.text for output in outputs if output.get("name") == "stderr"] == [], "no warnings"
    shown = [output.data for output in outputs if "data" in output]
    assert sum("text/html" in data for data in shown) >= 4
    assert sum("image/png" in data for data in shown) == 1


def test_the_notebook_is_kept_without_its_outputs() -> None:
    for path in ROOT.glob("examples/*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")], path.name


def test_the_readme_shows_how_to_send_and_read() -> None:
    run = [one.text for one in snippets(ROOT / "README.md") if one.language == "python" and not one.not_run]
    assert any("producer.send(" in text for text in run)
    assert any(".metrics(" in text for text in run)


def test_blocks_are_found_with_their_reasons(tmp_path: Path) -> None:
    document = tmp_path / "X.md"
    document.write_text(
        "# X\n```python\na = 1\n```\n<!-- not run: needs a moon -->\n\n```python\nb\n```\n"
        "<!-- not run: another -->\ntext between\n- in a list\n  ```bash\n  wattnet up\n  ```\n"
    )
    assert [(one.line, one.language, one.text, one.not_run) for one in snippets(document)] == [
        (3, "python", "a = 1\n", None),
        (8, "python", "b\n", "needs a moon"),
        (14, "bash", "wattnet up\n", None),
    ]
