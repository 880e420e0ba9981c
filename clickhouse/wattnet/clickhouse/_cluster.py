"""The tables of a cluster, out of those of one server: a script of a migration in, the cluster's script out.

Each stored table becomes two. `metrics_local` is on every server, replicated within its shard, and the views hang on
the local tables only; `metrics` is a Distributed front over all of them. Names that programs and people use are the
fronts'. A series is in one shard as a whole, so what the client asks of a series has one answer.

What this makes has a checksum, as a migration has: what it makes of a migration that was shipped must not change.
"""

from __future__ import annotations

import re

from wattnet.clickhouse._errors import MigrationError

LOCAL = "_local"
# One path a shard and table, {shard} and {replica} are macros of each server's own configuration.
REPLICA = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
# Of all shards together: which migrations were applied is the same everywhere.
MIGRATIONS_TABLE_ENGINE = "ReplicatedMergeTree('/clickhouse/tables/{database}/{table}', '{shard}-{replica}')"
# ClickHouse forgets a token after an hour unless told otherwise; a claim may wait a weekend for its repeat.
WINDOW = "replicated_deduplication_window = 10000, replicated_deduplication_window_seconds = 604800"
# A front's rows go to the shard of this number modulo their sum of weights. Tables without a series are written through
# their front only by hand: what the views write stays where the message came in.
SHARDED_BY = {
    "label_values": "cityHash64(name, label, value)",
    "ledger": "cityHash64(topic_id, `partition`)",
    "dead_letters": "cityHash64(topic_id, `partition`, `offset`)",
    "purged_letters": "cityHash64(topic_id, `partition`, `offset`)",
    "feeders": "cityHash64(topic, group_id)",
}
# For statements that go through the fronts: stored on all shards when acknowledged, and a table in a subquery is whole.
SETTINGS = {"distributed_foreground_insert": 1, "distributed_product_mode": "global"}

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)(?=\s*\()")
_MERGE_TREE = re.compile(r"\bENGINE = (\w*MergeTree)(?:\(([^)]*)\))?")
_SERIES_ID = re.compile(r"^\s*series_id\s+UInt64(?: MATERIALIZED (.+),$|\b)", re.MULTILINE)
_MATERIALIZED_VIEW = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+)")
_VIEW = re.compile(r"CREATE VIEW IF NOT EXISTS (\w+)")
# Passes over metrics by the numbers of its inserts. Replicated tables number within each partition and show what they
# number in any order, so there are none on a cluster; what they would have made fast is read from metrics.
_PASS = re.compile(r"CREATE MATERIALIZED VIEW IF NOT EXISTS \w+\s+REFRESH ")
# Without passes this is from 0 on, and that is the first number of a replicated table, but of no other.
_BEHIND_THE_PASSES = "> done["
_ALTER = re.compile(r"ALTER TABLE (\w+)")
# Other changes concern the front, too.
_LOCAL_CHANGE = re.compile(
    r"(?:ADD|DROP|MATERIALIZE|CLEAR) INDEX|(?:MODIFY|RESET) SETTING|(?:MODIFY|REMOVE|MATERIALIZE) TTL"
    r"|MODIFY COLUMN \w+ (?:CODEC|MODIFY SETTING|RESET SETTING)"
)
_DROP = re.compile(r"DROP (TABLE|VIEW) IF EXISTS (\w+)")
_SOURCE = re.compile(r"\b(FROM|JOIN) (\w+)\b(?!\s*\()")
_THROUGH_THE_FRONTS = re.compile(r"SELECT|INSERT INTO")


def for_cluster(script: str, cluster: str) -> str:
    """The migration `script` as the servers of `cluster` take it: the same tables, replicated, with their fronts.

    Comments are left out. Raises MigrationError for a statement that it has no rule for.
    """
    # Imported late, with the migration tool.
    from clickhouse_migrations.migrator import split_statement_tokens

    rendered: list[str] = []
    for tokens in split_statement_tokens(script):
        statement = "".join(token.text for token in tokens if not token.kind.endswith("_comment")).strip()
        statement = "\n".join(line.rstrip() for line in statement.splitlines() if line.strip())
        rendered += _rendered(statement, f"`{cluster}`")
    return "".join(f"{one};\n\n" for one in rendered)


def _rendered(statement: str, cluster: str) -> list[str]:
    on_cluster = f"ON CLUSTER {cluster}"
    if found := _TABLE.match(statement):
        return _table(statement, found.group(1), cluster)
    if found := _MATERIALIZED_VIEW.match(statement):
        view, target = found.groups()
        select = _SOURCE.sub(rf"\1 \2{LOCAL}", statement[found.end() :])
        return [f"CREATE MATERIALIZED VIEW IF NOT EXISTS {view} {on_cluster} TO {target}{LOCAL}{select}"]
    if _PASS.match(statement):
        return []
    if found := _VIEW.match(statement):
        select = statement[found.end() :].replace(_BEHIND_THE_PASSES, f">= {_BEHIND_THE_PASSES[2:]}")
        return [f"{found.group()} {on_cluster}{select}"]
    if (found := _ALTER.match(statement)) and _LOCAL_CHANGE.match(statement, found.end() + 1):
        return [f"{found.group()}{LOCAL} {on_cluster}{statement[found.end() :]}"]
    if found := _DROP.fullmatch(statement):
        kind, name = found.groups()
        names = [name, name + LOCAL] if kind == "TABLE" else [name]
        # SYNC: otherwise Keeper has the replica for eight minutes more, and the table cannot be made again.
        return [f"DROP {kind} IF EXISTS {one} {on_cluster} SYNC" for one in names]
    if _THROUGH_THE_FRONTS.match(statement):
        return [statement]
    raise MigrationError(f"{statement.splitlines()[0]!r} has no rule for a cluster: give it one in _cluster.py")


def _table(statement: str, name: str, cluster: str) -> list[str]:
    series_id = _SERIES_ID.search(statement)
    if series_id is None and name not in SHARDED_BY:
        raise MigrationError(f"table {name} has no series_id: say in SHARDED_BY of _cluster.py what its shards go by")
    # A materialized column is not there yet when rows are dealt to the shards; what it is made of is.
    key = SHARDED_BY[name] if series_id is None else series_id.group(1) or "series_id"
    local = _MERGE_TREE.sub(_replicated, statement, count=1)
    local = local.replace("non_replicated_deduplication_window = 10000", WINDOW)
    local = _TABLE.sub(rf"CREATE TABLE IF NOT EXISTS \1{LOCAL} ON CLUSTER {cluster}", local, count=1)
    front = (
        f"CREATE TABLE IF NOT EXISTS {name} ON CLUSTER {cluster} AS {name}{LOCAL}\n"
        f"ENGINE = Distributed({cluster}, currentDatabase(), {name}{LOCAL}, {key})"
    )
    return [local, front]


def _replicated(engine: re.Match[str]) -> str:
    kind, arguments = engine.groups()
    return f"ENGINE = Replicated{kind}({REPLICA}{', ' + arguments if arguments else ''})"
