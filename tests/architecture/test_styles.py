"""What our pages may use: Chrome 86 and X5 are the baseline; no inline script or style; nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "fenji"
CSS = sorted((ROOT / "static" / "css").glob("*.css"))
JS = sorted((ROOT / "static" / "js").glob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# feature → first Chrome that has it, all later than 86
TOO_NEW_CSS = {
    r":has\(": 105,
    r"@container": 105,
    r"@layer": 99,
    r":is\(|:where\(": 88,
    r"aspect-ratio\s*:": 88,
    r"\binset(-block|-inline)?\s*:": 87,
    r"color-mix\(": 111,
    r"\b\d+(dvh|svh|lvh|dvw)\b": 108,
    r"accent-color\s*:": 93,
    r"^\s*&": 112,
    r"\boklch\(|\blab\(|\blch\(": 111,
    r"text-wrap\s*:": 114,
    r"(margin|padding)-(inline|block)\s*:": 87,
    r"scrollbar-gutter": 94,
    r"\bsubgrid\b": 117,
    r"translate\s*:\s|rotate\s*:\s|scale\s*:\s": 104,
}
TOO_NEW_JS = {
    r"\.at\(": 92,
    r"structuredClone": 98,
    r"Object\.hasOwn\(": 93,
    r"\.replaceAll\(": 85,
    r"\.findLast": 97,
    r"static\s*\{": 94,
    r"\.toSorted|\.toReversed": 110,
    r"Array\.fromAsync": 121,
}


@pytest.mark.parametrize("path", CSS, ids=lambda p: p.name)
def test_our_styles_use_nothing_newer_than_chrome_86(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not [f"{p} needs Chrome {v}" for p, v in TOO_NEW_CSS.items() if re.search(p, text, re.MULTILINE)]


@pytest.mark.parametrize("path", JS, ids=lambda p: p.name)
def test_our_scripts_use_nothing_newer_than_chrome_86(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [f"{p} needs Chrome {v}" for p, v in TOO_NEW_JS.items() if re.search(p, text) and v > 86]


def test_no_text_has_a_plural_of_its_own() -> None:
    """Chinese has one form, and the list of texts keeps one for each: a text with two would stay English on a Chinese page."""
    assert [p.name for p in TEMPLATES if re.search(r"{%\s*plural\s*%}", p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_templates_have_no_inline_script_or_style_and_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<[^>]+\sstyle=", text)
    assert not re.search(r"<[^>]+\son[a-z]+=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>", text)
    assert not re.search(r"(?:src|href)=[\"'](?:https?:)?//", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_every_posted_form_carries_its_key(path: Path) -> None:
    forms = re.findall(r"<form[^>]*method=\"post\"[^>]*>.*?</form>", path.read_text(encoding="utf-8"), re.DOTALL | re.IGNORECASE)
    open_to_all = ("/login/", "/logout/", "/language/", "/activate/", "/switch/", "/login/forget/")
    for form in forms:
        action = re.search(r'action="([^"]*)"', form)
        carried = "key_fields" in form or 'name="{{ name }}"' in form
        assert carried or (action and action.group(1) in open_to_all), form[:160]
        assert "csrf_token" in form or "key_fields" in form, form[:160]


def test_there_is_something_to_look_at() -> None:
    assert CSS and JS and len(TEMPLATES) > 15  # noqa: PT018
