"""python deploy/clickhouse/users.py: writes users.d/wattnet.xml, the roles of grants.sql as ClickHouse's configuration.

grants.sql is for an administrator who runs SQL; a container is told by files. Both say the same, for one is made of the
other. The passwords stand in neither: ClickHouse reads them from its environment.
"""

from __future__ import annotations

import re
from pathlib import Path

GRANTS = Path(__file__).parents[2] / "clickhouse/wattnet/clickhouse/grants.sql"
TARGET = Path(__file__).parent / "users.d/wattnet.xml"

# Who there is, with which roles. The password of each is in CLICKHOUSE_<NAME>_PASSWORD.
USERS = {
    "consumer": ("wattnet_consumer", "wattnet_consumer_metrics"),
    "reader": ("wattnet_reader",),
    "operator": ("wattnet_operator",),
    "migrator": ("wattnet_migrator", "wattnet_kafka_engine"),
}
GRANT = re.compile(r"^(GRANT .+?) TO (\w+);$", re.MULTILINE)
PROFILE = re.compile(r"^CREATE SETTINGS PROFILE IF NOT EXISTS (\w+) SETTINGS\s+(.+?)\s+TO (\w+);$", re.MULTILINE | re.S)
SETTING = re.compile(r"^(\w+) = (\w+)(?: MIN (\w+) MAX (\w+) (CHANGEABLE_IN_READONLY))?$")


def users_xml(script: str) -> str:
    """The whole file, for such a script of grants."""
    granted: dict[str, list[str]] = {}
    for statement, role in GRANT.findall(script):
        granted.setdefault(role, []).append(statement)
    profiles = {role: (name, settings) for name, settings, role in PROFILE.findall(script)}
    lines = [
        "<!-- Made of grants.sql by deploy/clickhouse/users.py: change that, and run it again. -->",
        "<clickhouse>",
        "    <profiles>",
        *(line for name, settings in profiles.values() for line in _profile(name, settings)),
        "    </profiles>",
        "    <roles>",
        *(line for role, statements in granted.items() for line in _role(role, statements)),
        "    </roles>",
        "    <users>",
        *(line for name, roles in USERS.items() for line in _user(name, roles, profiles)),
        "    </users>",
        "</clickhouse>",
    ]
    return "\n".join(lines) + "\n"


def _profile(name: str, settings: str) -> list[str]:
    values, constraints = [], []
    for text in re.split(r",\s+", settings):
        found = SETTING.match(text)
        if found is None:
            raise ValueError(f"{text!r} in the profile {name} is not understood: write 'name = value', or with limits")
        setting, value, least, most, changeable = found.groups()
        values.append(f"            <{setting}>{value}</{setting}>")
        if changeable:
            limits = f"<min>{least}</min><max>{most}</max><changeable_in_readonly/>"
            constraints.append(f"                <{setting}>{limits}</{setting}>")
    return [
        f"        <{name}>",
        *values,
        "            <constraints>",
        *constraints,
        "            </constraints>",
        f"        </{name}>",
    ]


def _role(name: str, statements: list[str]) -> list[str]:
    queries = [f"                <query>{statement}</query>" for statement in statements]
    return [f"        <{name}>", "            <grants>", *queries, "            </grants>", f"        </{name}>"]


def _user(name: str, roles: tuple[str, ...], profiles: dict[str, tuple[str, str]]) -> list[str]:
    # A role of the configuration carries no profile: the user has it.
    profile = next((profiles[role][0] for role in roles if role in profiles), "default")
    return [
        f"        <{name}>",
        f'            <password from_env="CLICKHOUSE_{name.upper()}_PASSWORD"/>',
        "            <networks><ip>::/0</ip></networks>",
        f"            <profile>{profile}</profile>",
        "            <quota>default</quota>",
        "            <grants>",
        *(f"                <query>GRANT {role}</query>" for role in roles),
        "            </grants>",
        f"        </{name}>",
    ]


if __name__ == "__main__":
    TARGET.write_text(users_xml(GRANTS.read_text(encoding="utf-8")), encoding="utf-8")
