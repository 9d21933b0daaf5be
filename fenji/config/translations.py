"""Message catalogues without GNU gettext: what is to be translated, whether all of it is, and compiling.

    python -m fenji.config.translations            what is missing or wrong; exit 1 if anything is
    python -m fenji.config.translations --update   add missing messages to the .po with an empty translation

Message ids are English, so English needs no catalogue. Babel is a build-time package and is imported only where it is used.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "fenji"
LOCALES = SOURCES / "locale"
CHINESE = LOCALES / "zh_Hans" / "LC_MESSAGES" / "django.po"

KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
}
"""Calls whose first argument (for plurals: the first two) is a message. Contexts are not used in this house: reword instead."""

_PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|%[sd]|\{\w*\}")
_WIDTH = 120
# our own header: Babel's carries dates, which would change the file each time
_HEADER = """\
# Simplified Chinese, the first language of the house. Wording: as township doctors and hospitals' referral offices say it.
# Checked by `python -m fenji.config.translations`; new messages are added by `--update`.
msgid ""
msgstr ""
"Project-Id-Version: fenji\\n"
"Language: zh_Hans\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def extract() -> dict[str, list[str]]:
    """Message id → places (`path:line`) where it is used, in the order of the paths."""
    found: dict[str, list[str]] = {}
    for path in _source_files():
        for line, message in _messages(path):
            found.setdefault(message, []).append(f"{path.relative_to(ROOT).as_posix()}:{line}")
    return found


def _source_files() -> list[Path]:
    return sorted([*SOURCES.rglob("*.py"), *SOURCES.rglob("*.html")])


def _messages(path: Path) -> Iterator[tuple[int, str]]:
    from babel.messages.extract import extract as babel_extract

    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        from django.utils.translation.template import templatize

        text = templatize(text, origin=str(path))
    handle = io.BytesIO(text.encode())
    for line, message, _comments, _context in babel_extract("python", handle, keywords=KEYWORDS, options={"encoding": "utf-8"}):
        yield line, message if isinstance(message, str) else message[0]


def _read(path: Path) -> Catalog:
    from babel.messages.pofile import read_po

    with path.open("rb") as handle:
        return read_po(handle, locale=path.parent.parent.name, domain="django")


def check() -> list[str]:
    """What is wrong with the Chinese catalogue, one line each; empty when it is complete."""
    if not CHINESE.is_file():
        return [f"{CHINESE} does not exist; run `python -m fenji.config.translations --update`"]
    wanted, catalogue = extract(), _read(CHINESE)
    problems = [f"missing: {m!r} ({places[0]})" for m, places in wanted.items() if m not in catalogue]
    for entry in catalogue:
        message, translated = _first(entry.id), _first(entry.string)
        if not message:
            continue
        if message not in wanted:
            problems.append(f"unused: {message!r}; delete it from the .po")
        elif not translated:
            problems.append(f"empty: {message!r} ({wanted[message][0]})")
        elif entry.fuzzy:
            problems.append(f"fuzzy: {message!r}; check the translation and remove the mark")
        elif sorted(_PLACEHOLDER.findall(message)) != sorted(_PLACEHOLDER.findall(translated)):
            problems.append(f"placeholders differ: {message!r} → {translated!r}")
    return problems


def _first(text: str | list[str] | tuple[str, ...] | None) -> str:
    return text if isinstance(text, str) else text[0] if text else ""


def update() -> list[str]:
    """Add missing messages with an empty translation and renew the places; returns what was added. Deletes nothing."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import write_po

    wanted = extract()
    catalogue = _read(CHINESE) if CHINESE.is_file() else Catalog(locale="zh_Hans", domain="django", fuzzy=False)
    added = [m for m in wanted if m not in catalogue]
    for entry in catalogue:
        entry.locations = []
    for message, places in wanted.items():
        entry = catalogue.add(message) if message in added else catalogue[message]
        entry.locations = [(place.rsplit(":", 1)[0], int(place.rsplit(":", 1)[1])) for place in places]
    CHINESE.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    # paths without line numbers: a moved line is no change of the catalogue
    write_po(buffer, catalogue, width=_WIDTH, omit_header=True, sort_by_file=True, include_lineno=False)
    _write(CHINESE, _HEADER.encode() + buffer.getvalue())
    return added


def compile_catalogues() -> list[str]:
    """Write each .mo that is older than its .po; returns one line per file written."""
    done = []
    for source in sorted(LOCALES.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if target.is_file() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        from babel.messages.mofile import write_mo

        buffer = io.BytesIO()
        write_mo(buffer, _read(source))
        _write(target, buffer.getvalue())
        done.append(f"compiled {target.relative_to(ROOT)}")
    return done


def _write(target: Path, content: bytes) -> None:
    scratch = target.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(content)
    scratch.replace(target)


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    if "--update" in arguments:
        for message in update():
            print(f"added {message!r}")
    problems = check()
    for problem in problems:
        print(problem)
    print(f"{len(extract())} messages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
