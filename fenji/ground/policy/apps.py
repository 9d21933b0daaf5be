"""Django's handle on this room."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    """Registers what this room offers and refuses, and the policy classes of the rooms below it, which cannot call up."""

    name = "fenji.ground.policy"
    label = "policy"

    def ready(self) -> None:
        from fenji.ground.access.rules import AccessPolicy, MachinePolicy, PasswordPolicy
        from fenji.ground.policy import imports, texts
        from fenji.ground.policy.queries import TasksPolicy, register
        from fenji.ground.policy.rules import ChangePolicy

        for policy in (AccessPolicy, PasswordPolicy, MachinePolicy):
            register(policy, "access")
        register(TasksPolicy, "tasks")
        register(ChangePolicy, "policy")
        texts.register()
        imports.register()
