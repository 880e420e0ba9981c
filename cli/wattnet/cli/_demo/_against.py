"""A stack that runs already, and has consumers of its own: what `docker compose up` started."""

from __future__ import annotations

from enum import Enum


class Against(str, Enum):
    """Which stack the demo fills, where it starts none itself."""

    COMPOSE = "compose"


class ComposeConsumers:
    """The consumers of docker-compose.yml. They belong to Docker, which starts them again when they end."""

    def require_running(self) -> None:
        """Nothing to look at from here: what they store, or no longer store, shows in the tables."""

    def tails(self) -> str:
        """Where their logs are."""
        return (
            "Do the consumers run? `docker compose ps` and `docker compose logs consumer` tell; "
            "with the profile `engine`, `wattnet kafka-engine status`."
        )
