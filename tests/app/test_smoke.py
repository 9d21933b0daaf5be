"""The smoke run is what people and CI trust: it passes on this tree, and it fails when a step misses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("FENJI_", "DJANGO_", "DATABASE_"))}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def test_the_whole_loop_walks_over_http() -> None:
    done = _run("-m", "fenji", "demo", "--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "28 of 28 steps ok" in done.stdout


def test_a_missed_step_makes_the_smoke_run_fail() -> None:
    script = (
        "from rich.console import Console\n"
        "from fenji.config.cli import smoke\n"
        "def miss(walk):\n"
        "    smoke.expect(False, 'nothing there')\n"
        "smoke.STEPS.insert(0, ('a step that misses', miss))\n"
        "raise SystemExit(smoke.run(Console()))\n"
    )
    done = _run("-c", script)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "MISSED: nothing there" in done.stdout


def test_help_shows_every_command_with_an_example() -> None:
    from fenji.config.cli import cli

    shown = _run("-m", "fenji", "--help").stdout
    assert len(cli.commands) >= 7
    for name in cli.commands:
        assert f"  {name} " in shown
        assert f"$ fenji {name}" in shown
