"""Django's handle on this room."""

from django.apps import AppConfig


class JourneysConfig(AppConfig):
    """Registers the policy of this room. No tables."""

    name = "fenji.measure.journeys"
    label = "journeys"

    def ready(self) -> None:
        from fenji.ground.policy.queries import register
        from fenji.measure.journeys.rules import JourneysPolicy

        register(JourneysPolicy, "journeys")
