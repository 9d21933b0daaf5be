"""What the code may and may not contain."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from fenji.ground.access.rules import PERMISSIONS
from fenji.ground.common.edge import OPEN, known_refusals, permits
from fenji.ground.common.refusal import Refused
from fenji.ground.policy import loader, queries

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [p for p in (ROOT / "fenji").rglob("*.py") if "migrations" not in p.parts]
RULES = [p for p in SOURCES if p.name == "rules.py" or p.parent.name == "rules"]
ALLOWED_NUMBERS = {-1, 0, 1, 2}


def _room(rules: Path) -> str:
    """The room of a file of rules, which may be a package."""
    return rules.parent.parent.name if rules.parent.name == "rules" else rules.parent.name


def _numbers(tree: ast.AST) -> set[object]:
    inside_subscripts = {id(n) for s in ast.walk(tree) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
    return {
        n.value
        for n in ast.walk(tree)
        if isinstance(n, ast.Constant) and type(n.value) in (int, float) and id(n) not in inside_subscripts
    }


@pytest.mark.parametrize("path", RULES, ids=lambda p: f"{_room(p)}-{p.stem}")
def test_rules_hold_no_numbers_of_the_policy(path: Path) -> None:
    found = _numbers(ast.parse(path.read_text(encoding="utf-8"))) - ALLOWED_NUMBERS
    assert not found, f"{path}: {found} belong into a pack, or into common.units"


def test_there_are_rules_to_look_at() -> None:
    ground, care = {"access", "policy", "network", "tasks"}, {"catalogue", "registry", "visits", "referral"}
    assert {_room(p) for p in RULES} >= {*ground, *care, "journeys", "referral_quality"}


def test_every_policy_field_has_exactly_one_key_in_the_platform_pack_and_no_default() -> None:
    platform = [p.key for p in loader.shipped().parameters if p.authority == "platform"]
    assert len(platform) == len(set(platform))
    fields = [f"{room}.{name}" for policy, room in queries.registered().items() for name in policy.__dataclass_fields__]
    assert sorted(fields) == sorted(platform)
    for policy in queries.registered():
        import dataclasses

        assert all(f.default is dataclasses.MISSING for f in dataclasses.fields(policy)), policy


def _views(patterns: list, prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for p in patterns:
        if isinstance(p, URLResolver):
            found += _views(p.url_patterns, prefix + str(p.pattern))
        elif isinstance(p, URLPattern):
            found.append((prefix + str(p.pattern), p.callback))
    return found


def _unguarded(views: list[tuple[str, object]]) -> list[str]:
    """Addresses without a permission that some role has; of the API each method, and none of it is open to everybody."""
    known = set().union(*PERMISSIONS.values())
    found = []
    for address, view in views:
        if hasattr(view, "permissions"):
            found += [f"{method} {address}" for method, named in view.permissions.items() if named not in known]
            found += [] if view.permissions else [address]
        elif getattr(view, "permission", None) not in known | {OPEN}:
            found.append(address)
    return found


def test_every_address_names_a_permission_that_some_role_has() -> None:
    views = _views(get_resolver().url_patterns)
    assert len(views) >= 20
    assert _unguarded(views) == [], "mark pages with @page(permission), operations of the API with @permits(permission)"


def test_an_operation_of_the_api_without_a_permission_is_found() -> None:
    from fenji.config.api import build

    api = build()
    api.urls_namespace = "unguarded"
    api.get("/guarded")(permits("api.use")(lambda request: {}))
    api.get("/half")(permits("api.use")(lambda request: {}))
    api.post("/half")(lambda request: {})
    api.get("/none")(lambda request: {})
    api.get("/open")(permits(OPEN)(lambda request: {}))
    assert _unguarded(_views(api.urls[0])) == ["POST half", "POST half", "GET none", "GET open"]


def _subclasses(cls: type) -> set[type]:
    return {cls}.union(*(_subclasses(c) for c in cls.__subclasses__()))


def test_every_refusal_has_a_text_and_a_code_of_its_own() -> None:
    named = [c for c in _subclasses(Refused) if c is not Refused and c.__module__.startswith("fenji.")]
    codes = [c.code for c in named]
    assert len(codes) == len(set(codes))
    assert set(codes) <= known_refusals(), set(codes) - known_refusals()


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_under_500_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


def test_all_import_contracts_match_something() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    for contract in config:
        for pattern in [*contract.get("containers", []), *contract.get("source_modules", [])]:
            glob = pattern.replace("**", "\0").replace(".", "/").replace("\0", "**")
            assert list(ROOT.glob(glob)) or list(ROOT.glob(f"{glob}.py")), f"{pattern} in {contract['name']!r} matches nothing"


def test_locks_pin_with_hashes_and_name_no_address() -> None:
    for name in ("run.lock", "test.lock"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        pinned = re.findall(r"^([a-z0-9-]+)==\S+", text, re.MULTILINE)
        assert len(pinned) > 20
        assert "://" not in text
        for block in re.split(r"\n(?=[a-z])", text.strip()):
            assert "--hash=sha256:" in block, block[:60]
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_locks_cover_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = {
        name: set(
            re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8"), re.MULTILINE)
        )
        for name in ("run", "test")
    }
    run = [*project["dependencies"], *project["optional-dependencies"]["build"]]
    for lock, wanted in (("run", run), ("test", [*run, *project["optional-dependencies"]["test"]])):
        names = {re.match(r"[a-z0-9-]+", w).group() for w in wanted}  # type: ignore[union-attr]
        assert names <= pinned[lock], f"{names - pinned[lock]} missing: run `make lock`"


def test_every_dependency_has_its_reason_beside_it() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text[text.index("dependencies = [") : text.index("[project.scripts]")]
    lines = [line for line in block.splitlines() if line.strip().startswith('"')]
    assert len(lines) > 15
    assert all("#" in line for line in lines)


def test_migrations_are_complete() -> None:
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.state import ProjectState

    loader = MigrationLoader(None)
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
    assert not changes, f"models changed without a migration: {sorted(changes)}"


def test_nothing_in_the_product_names_a_package_registry() -> None:
    hosts = re.compile(r"https?://[a-z0-9.-]*(pypi|pythonhosted|npmjs|debian)\.")
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if (
            path.is_file()
            and parts[0] not in (".git", ".venv", "node_modules", "var")
            and "vendor" not in parts
            and (
                path.suffix in (".py", ".toml", ".md", ".json", ".lock", ".html", ".js", ".css", ".yml", "")
                and path.stat().st_size < 2e6
            )
        ):
            text = path.read_text(encoding="utf-8", errors="ignore")
            assert path == Path(__file__) or not hosts.search(text), path
