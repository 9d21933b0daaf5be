"""Django's handle on the house's own checks."""

from django.apps import AppConfig


class HouseConfig(AppConfig):
    """Registers the start-up checks."""

    name = "fenji.config"
    label = "config"

    def ready(self) -> None:
        from fenji.config import checks  # noqa: F401  (registers on import)
