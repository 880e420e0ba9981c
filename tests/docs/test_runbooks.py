"""Runbooks quote what the code says today: each line here stands on the page, and its fixed parts in the sources."""

from __future__ import annotations

import re
from functools import cache

import pytest
from snippets import ROOT

RUNBOOKS = ROOT / "docs" / "runbooks"
# What stands between … is filled in at run time.
QUOTES = {
    "add-partitions": ["partition … goes on at … (… ranges to repeat, … messages to read)"],
    "breaker-open": [
        "partition … stands still at …. Reasons: …",
        "… of the last … messages were refused (more than …)",
        "See `wattnet dead-letters list`; it goes on by trial after … s, or now by `wattnet close-breakers URL`",
        "partitions that stood still go on, on trial",
        "partition … goes on at …, on trial",
    ],
    "clickhouse-takes-nothing": [
        "…, attempt …: …",
        "ClickHouse did not take an insert: …",
        "ClickHouse has too much to do: …",
        "ClickHouse lost data",
    ],
    "dead-letters": ["begins with …; 00 or c3 01 were expected", "unknown framing", "… of them as dead letters"],
    "lag-grows": ["group …: …, protocol …, …", "every offset is stored exactly once"],
    "offsets-expired": [
        "messages from … to … are not stored and Kafka no longer holds them (retention)",
        "reset the group's offset of this partition to …: it goes on there, and `wattnet verify` keeps showing the gap",
        "partition … goes on at … (… ranges to repeat, … messages to read)",
        "behind the commit no longer in Kafka",
        "nothing of it is in the ledger",
    ],
    "replay-a-day": ["messages have two rows", "partition … goes on at … (… ranges to repeat, … messages to read)"],
    "rotate-a-secret": ["lets nobody in with these settings: …", "correct KAFKA_SASL_MECHANISM"],
    "schema-change": [
        "unknown schema fingerprint",
        "is no schema of this version; consumers are upgraded before producers",
    ],
    "two-groups": ["group … has … and feeds these tables from topic …: with group … beside it", "claimed twice"],
    "topic-recreated": ["made again", "its id was …, now …", "starting over with it", "(of a topic that is gone)"],
}


@cache
def sources() -> str:
    """All code, with texts that stand on several lines put together."""
    files = [*ROOT.glob("consumer/wattnet/**/*.py"), *ROOT.glob("cli/wattnet/**/*.py")]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text(encoding="utf-8") for file in files))


@pytest.mark.parametrize("page", sorted(QUOTES))
def test_what_a_runbook_quotes_is_what_the_code_says(page: str) -> None:
    text = " ".join((RUNBOOKS / f"{page}.md").read_text(encoding="utf-8").split())
    for quote in QUOTES[page]:
        parts = [re.escape(part) for part in quote.split("…")]
        assert re.search(".+?".join(parts), text), f"{page}.md does not say {quote!r}"
        for part in quote.split("…"):
            assert part in sources(), f"no code says {part!r}"


def test_every_runbook_is_in_the_index_and_says_the_four_things() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    pages = {file.stem for file in RUNBOOKS.glob("*.md")} - {"README"}
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", index)) == pages == set(QUOTES)
    for page in pages:
        headings = re.findall(r"^## (.+)$", (RUNBOOKS / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
        assert headings[-1] == "How to know that it is over", page


def test_links_lead_somewhere() -> None:
    for document in ROOT.glob("docs/**/*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
