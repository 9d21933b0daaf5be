"""What lists, their states, steps, findings and refusals are called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.utils.text import format_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from fenji.care.catalogue import rules
from fenji.ground.common.edge import register_refusals, register_words
from fenji.ground.publication.kinds import Parts, register_kind
from fenji.ground.tasks import kinds as notices

KINDS = {
    "first_contact": _("First-contact disease catalogue"),
    "treatable": _("Diseases this institution can treat"),
    "down": _("Diseases recommended for down-referral"),
    "devolved": _("Devolved service items"),
    "technique": _("TCM techniques of this institution"),
    "technique_promoted": _("TCM techniques promoted to primary care"),
    "guide": _("Guides, criteria and referral rules by disease"),
}

STATES = {
    "draft": _("Draft"),
    "submitted": _("Submitted"),
    "approved": _("Approved"),
    "published": _("Published"),
    "in_force": _("In force"),
    "coming": _("Begins later"),
    "ended": _("Replaced"),
    "withdrawn": _("Withdrawn"),
}
"""States of a version, and what a published one is on a day."""

ACTIONS = {
    "submit": _("Submit for approval"),
    "discard": _("Discard the draft"),
    "approve": _("Approve"),
    "return": _("Return to its writers"),
    "publish": _("Publish"),
    "withdraw": _("Withdraw before it begins"),
}

NEXT = {
    "draft": _("Submit it for approval"),
    "submitted": _("A second person approves it"),
    "approved": _("Publish it with the day it begins"),
}
"""What a version that is being worked on waits for."""

LEVELS = {"county": _("County"), "township": _("Township"), "village": _("Village")}

PHASES = {
    "acute_recovery": _("Recovering from an acute illness"),
    "surgical_recovery": _("Recovering from an operation"),
    "critical_stable": _("Stable after a critical illness"),
}

DOCUMENTS = {
    "guide": _("Tiered-care guide"),
    "criteria": _("Criteria of admission and discharge"),
    "rules": _("Referral rules"),
}

DOWN_DOCUMENTS = {"criteria": _("Criteria"), "guide": _("Operating guide")}

ITEM_KINDS = {
    "examination": _("Examination"),
    "laboratory": _("Laboratory"),
    "treatment": _("Treatment"),
    "nursing": _("Nursing"),
    "tcm": _("Chinese medicine"),
    "surgery": _("Surgery"),
    "rehabilitation": _("Rehabilitation"),
}

FOCUS = {
    "I10-I15": _("hypertension (I10–I15)"),
    "E10-E14": _("diabetes (E10–E14)"),
    "J44": _("COPD (J44)"),
    "I20-I25": _("coronary heart disease (I20–I25)"),
    "I60-I69": _("cerebrovascular disease (I60–I69)"),
}
"""Ranges of ICD-10 categories as packs name them; others are shown as they stand."""

COUNTS = {
    "central_diseases": _("Diseases"),
    "other_diseases": _("Diseases"),
    "promoted_categories": _("Categories"),
    "promoted_techniques": _("Techniques"),
    "own_categories": _("Categories"),
    "own_techniques": _("Techniques"),
    "devolved_items": _("Service items"),
}

FINDINGS = {
    "list_empty": _("It holds nothing yet."),
    "without_level": _("Without a level:"),
    "without_code": _("Without a diagnosis code:"),
    "beyond_catalogue": _("Not on the community's first-contact catalogue:"),
    "focus_missing": _("Focus diseases that are missing:"),
    "not_suggested": _("Not suggested by itself while a text is missing:"),
    "unlinked": _("To be reviewed, linked to no catalogue disease and no posted specialty:"),
    "documents_missing": _("Documents still missing:"),
}

_WORDS = {
    "list_empty": _("it holds nothing"),
    "without_level": _("an entry has no level"),
    "without_code": _("an entry has no diagnosis code"),
    "focus_missing": _("a focus disease would be missing"),
    "code_form": _("the diagnosis code is not of the form of the national tables"),
    "item_code_form": _("the code may have letters, digits, points and dashes only, 40 at most"),
}

_REFUSALS = {
    "list_state": (
        _("That can't be done with this version in its present state."),
        _("Look at the state on the page: only the steps shown there are open now."),
    ),
    "list_same_person": (
        _("You wrote on this version, so you cannot approve it yourself."),
        _("A second person of your institution, who did not write on it, must approve it."),
    ),
    "list_note": (_("A reason in words is needed here."), _("Write it into the field and send again.")),
    "list_start_past": (
        _("A list cannot begin on a day that is over."),
        _("Choose today, %(today)s, or a later day."),
    ),
    "list_start_taken": (
        _("Another version of this list begins on %(start)s."),
        _("Choose a later day, or withdraw that version first if it has not begun."),
    ),
    "list_began": (
        _("This version has begun and cannot be withdrawn."),
        _("Begin a new version; it replaces this one on the day you choose."),
    ),
    "list_draft_open": (
        _("A new version of this list is being worked on already."),
        _("Open that one: it stands under “being worked on”."),
    ),
    "list_not_ready": (
        _("The list cannot go on as it stands: %(what)s."),
        _("Look at the notes on its page, complete it, and try again."),
    ),
    "list_entry_there": (
        _("The list has this entry already."),
        _("Look for it on the list and change it there."),
    ),
    "list_bad_entry": (_("This entry cannot stand on the list: %(what)s."), _("Correct it and send again.")),
}

_NOTICES = {
    "submit": _("version %(subject)s waits for approval"),
    "return": _("version %(subject)s came back with a note"),
    "publish": _("version %(subject)s was published"),
    "withdraw": _("version %(subject)s was withdrawn"),
}


CHOICES = {"level": LEVELS, "phase": PHASES, "document": DOCUMENTS, "kind": ITEM_KINDS}
"""Field of an entry → what its codes are called."""


def named(zh: str, en: str) -> str:
    """A name in the reader's language; the Chinese one where there is no other."""
    return en if en and get_language() == "en" else zh


def _under(
    name: str, heading: Callable[[Mapping[str, str]], Any], order: Iterable[str] = ()
) -> Callable[[Mapping[str, Any]], Parts]:
    """How the page of a public list shows its entries: under headings in the order of `order`, else as they come."""

    def parts(body: Mapping[str, Any]) -> Parts:
        found: dict[str, list[Mapping[str, str]]] = {str(h): [] for h in order}
        for entry in body[name]:
            found.setdefault(str(heading(entry)), []).append(entry)
        return [(h, entries) for h, entries in found.items() if entries]

    return parts


_TECHNIQUES = _under("techniques", lambda e: named(e["category_zh"], e["category_en"]))
_PUBLIC = {
    rules.DOWN: ("publication/kind_down.html", _under("diseases", lambda e: PHASES[e["phase"]], PHASES.values())),
    rules.DEVOLVED: ("publication/kind_items.html", _under("items", lambda e: ITEM_KINDS.get(e.get("kind", ""), _("Other items")))),
    rules.TECHNIQUE: ("publication/kind_items.html", _TECHNIQUES),
    rules.PROMOTED: ("publication/kind_items.html", _TECHNIQUES),
    rules.GUIDE: ("publication/kind_guide.html", _under("documents", lambda e: named(e["zh"], e["en"]))),
}


def register() -> None:
    """Called once at start-up."""
    register_refusals(_REFUSALS)
    register_words(_WORDS)
    for action, text in _NOTICES.items():
        for kind, name in KINDS.items():
            notices.register_notice(f"catalogue.{action}.{kind}", format_lazy("{}: {}", name, text))
    for kind, (template, parts) in _PUBLIC.items():
        register_kind(kind, KINDS[kind], template, rules.PUBLIC_BODIES[kind], parts)
