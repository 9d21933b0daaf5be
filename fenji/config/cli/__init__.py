"""The `fenji` command line: one door for people, CI and hooks. Each command shows an example in its help."""

from __future__ import annotations

import sys

import click

from fenji.config.cli import accounts, bench, database, demo, house, keys, policy


class _Group(click.Group):
    """Shows an example beside every command, so that `fenji --help` is enough to begin."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.commands[name]
            example = getattr(command, "example", "")
            rows.append((name, f"{command.get_short_help_str(90)}\n\n  $ {example}" if example else command.get_short_help_str(90)))
        with formatter.section("Commands"):
            for name, text in rows:
                summary, _, example = text.partition("\n\n  ")
                formatter.write_dl([(name, summary)])
                if example:
                    formatter.write(f"{'':>14}{example}\n")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="fenji")
def cli() -> None:
    """Fenji 分级 runs tiered care: patients up and down, doctors on a roster, every clause live."""


for _command, _example in (
    (demo.demo, "fenji demo --port 8000"),
    (database.db, "fenji db init --admin-url postgresql://postgres@db.example/postgres"),
    (house.serve, "fenji serve --port 8000"),
    (house.worker, "fenji worker"),
    (house.audit, "fenji audit verify"),
    (accounts.account, "fenji account password doctor"),
    (keys.keys, "fenji keys status"),
    (policy.policy, "fenji policy explain referral.review_within --path 35/350400/350405 --on 2026-09-30"),
    (bench.bench, "fenji bench referral --seconds 120 --rate 25"),
):
    _command.example = _example
    cli.add_command(_command)


def main() -> None:
    """Run, and turn known problems into one clear line."""
    from fenji.config.database import DatabaseProblem
    from fenji.config.embedded import ServerProblem
    from fenji.config.house import NoHouse
    from fenji.config.keys import KeysProblem
    from fenji.config.running import StartProblem

    try:
        cli(prog_name="fenji")
    except (ServerProblem, DatabaseProblem, NoHouse, StartProblem, KeysProblem) as problem:
        click.echo(f"fenji: {problem}", err=True)
        sys.exit(1)
