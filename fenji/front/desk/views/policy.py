"""Policy on the screen: what binds at a place on a day and why; changes, proposed by one person and decided by another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from fenji.front.desk.views.policy_forms import ChangeForm, DecisionForm, EndForm, first_values
from fenji.ground.access.rules import Actor
from fenji.ground.common.clock import local_day
from fenji.ground.common.edge import SignedRequest, fresh_key, page, posted_version, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.refusal import Refused, Unknown
from fenji.ground.common.text import half_width
from fenji.ground.network.queries import names_of, organisations_within, place_of, region_names
from fenji.ground.policy import actions, queries, rules, texts
from fenji.ground.policy.models import PolicyChange
from fenji.ground.policy.rules import APPROVED, ENDED, PROPOSED, Binding, PackError, Parameter

_FOUND = 20
_ORG = re.compile(r"org:([0-9]{1,8})")
_CODE = re.compile(r"35([0-9]{4})?")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that policy is looked up for. `levels`: (prefix, name) of the regions around it and of itself, widest first."""

    prefix: str
    path: tuple[str, ...]
    levels: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What the place is called."""
        return self.levels[-1][1]

    @property
    def code(self) -> str:
        """As the address names it: 350405, org:17."""
        return self.path[-1]


@dataclass(frozen=True, slots=True)
class Line:
    """One parameter as it binds."""

    key: str
    title: str
    value: str
    parameter: Parameter
    overruled: tuple[tuple[Parameter, str], ...]
    marks: tuple[tuple[str, str], ...]
    planned: tuple[tuple[Parameter, str], ...]


def _spot(code: str) -> Spot:
    """A place by policy code. Raises Unknown."""
    org = _ORG.fullmatch(code)
    if org is None and not _CODE.fullmatch(code):
        raise Unknown(what="place")
    found = place_of(int(org.group(1))) if org else None
    prefix = found.path if found else rules.prefix_of(code)
    path = rules.path_to(prefix)
    names = region_names(path)
    levels = [(rules.prefix_of(c), names.get(c, c)) for c in path if c.isdigit()]
    if found is not None:
        levels.append((prefix, found.name))
    elif code not in names:
        raise Unknown(what="place")
    return Spot(prefix, path, tuple(levels))


def _chosen(request: SignedRequest) -> Spot:
    return _spot(request.GET.get("place", "") or f"org:{request.actor.org_id}")


def _day(request: SignedRequest) -> tuple[date, str]:
    """The day that is asked for, today without one; and what is wrong with it, in words."""
    typed, today = half_width(request.GET.get("on", "")), local_day(request.at)
    if not typed:
        return today, ""
    try:
        return date.fromisoformat(typed), ""
    except ValueError:
        return today, _("“%(typed)s” is no day. Write it as 2026-09-30; today is shown.") % {"typed": typed}


def _language(zh: str, en: str) -> str:
    return zh if (get_language() or "").startswith("zh") else en


def title_of(parameter: Parameter) -> str:
    """What a parameter is called: its own name, else the title of its clause, else its key."""
    same = queries.book().by_key.get(parameter.key, (parameter,))
    named = next((p for p in same if p.title_zh and p.title_en), None)
    if named is not None:
        return _language(named.title_zh, named.title_en)
    clause = queries.clause(parameter.clause_id)
    return _language(clause.title_zh, clause.title_en) if clause else parameter.key


def words(parameter: Parameter) -> str:
    """The value of a parameter in words."""
    return texts.value_words(parameter.value, parameter.unit)


def _default(p: Parameter) -> list[str]:
    """The mark of a platform default; on pages the clause itself is named so."""
    return [_("platform default")] if p.authority == "platform" and not p.change else []


def _marks(p: Parameter) -> tuple[tuple[str, str], ...]:
    """(tone, text) of what is special about a parameter."""
    found = []
    if p.change:
        found.append(("blue", _("changed by %(document)s") % {"document": p.document}))
    if p.ambiguity is not None:
        found.append(("purple", _("the text can be read in several ways")))
    if rules.form_of(p.value) == "switch":
        found.append(("grey", _("switch")))
    return tuple(found)


def _bound(key: str, spot: Spot, on: date) -> Binding | None:
    try:
        return queries.binding_in(queries.book(), key, spot.path, on)
    except PackError:  # before the first pack began
        return None


def _line(key: str, spot: Spot, on: date) -> Line | None:
    binding = _bound(key, spot, on)
    if binding is None:
        return None
    p = binding.parameter
    planned = [q for q in queries.book().by_key[key] if q.region in spot.path and q.start > on]
    told = tuple((q, words(q)) for q in sorted(planned, key=lambda q: q.start))
    overruled = tuple((q, words(q)) for q in binding.overruled)
    return Line(key, title_of(p), words(p), p, overruled, _marks(p), told)


def _lines(spot: Spot, on: date, text: str) -> list[Line]:
    """All parameters that bind, by room and key; `text`: part of the name, value, clause or key."""
    found = [line for key in sorted(queries.book().by_key) if (line := _line(key, spot, on)) is not None]
    wanted = half_width(text).casefold()
    return [line for line in found if wanted in _searched(line)] if wanted else found


def _searched(line: Line) -> str:
    clause = queries.clause(line.parameter.clause_id)
    titles = f"{clause.title_zh} {clause.title_en}" if clause else ""
    return f"{line.key} {line.title} {line.value} {line.parameter.clause_id} {titles}".casefold()


def _rooms(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.key.partition(".")[0], []).append(line)
    return [(str(texts.ROOMS.get(room, room)), rows) for room, rows in groups.items()]


@page("policy.read")
def parameters(request: SignedRequest) -> HttpResponse:
    """All parameters as they bind at a place on a day, by room."""
    spot, (on, problem) = _chosen(request), _day(request)
    typed, org = request.GET.get("q", ""), half_width(request.GET.get("org", ""))
    lines = _lines(spot, on, typed)
    context = {
        "spot": spot, "on": on, "today": local_day(request.at), "problem": problem, "typed": typed, "rooms": _rooms(lines),
        "count": len(lines), "hash": queries.pack_hash(), "levels": _levels(request.actor, spot), "org": org,
        **_institutions(request.actor, org),
    }  # fmt: skip
    return render(request, "desk/policy.html", context, status=422 if problem else 200)


def _levels(actor: Actor, spot: Spot) -> list[dict[str, str]]:
    """The places to choose from: around the one shown, and around one's own institution."""
    own = _spot(f"org:{actor.org_id}")
    both = dict.fromkeys([*own.levels, *spot.levels])
    return [{"code": rules.region_of(prefix), "name": name} for prefix, name in both]


def _institutions(actor: Actor, typed: str) -> dict[str, Any]:
    """Institutions that somebody governs, by part of their name: a few, and whether there are more."""
    if not typed:
        return {}
    found = list(organisations_within(actor.reach, typed)[: _FOUND + 1])
    return {"institutions": found[:_FOUND], "more": len(found) > _FOUND}


@page("policy.read")
def export(request: SignedRequest) -> HttpResponse:
    """The same list as a spreadsheet."""
    spot, (on, problem) = _chosen(request), _day(request)
    if problem:
        return parameters(request)
    columns = [
        Column(_("Room"), lambda r: str(texts.ROOMS.get(r.key.partition(".")[0], r.key))),
        Column(_("Parameter"), lambda r: r.title),
        Column(_("Key"), lambda r: r.key),
        Column(_("Value"), lambda r: r.value),
        Column(_("Clause"), lambda r: r.parameter.clause_id),
        Column(_("Document"), lambda r: r.parameter.document),
        Column(_("Region"), lambda r: r.parameter.region),
        Column(_("Authority"), lambda r: str(texts.AUTHORITIES[r.parameter.authority])),
        Column(_("Begins"), lambda r: str(r.parameter.start)),
        Column(_("Ends before"), lambda r: str(r.parameter.end or "")),
        Column(_("Marks"), lambda r: ", ".join([*_default(r.parameter), *(text for _tone, text in r.marks)])),
        Column(_("Overruled"), lambda r: "; ".join(f"{p.clause_id} {told}" for p, told in r.overruled)),
    ]
    return workbook(f"{_('Policy')} {spot.code.replace(':', ' ')} {on}", columns, _lines(spot, on, request.GET.get("q", "")))


# --- one parameter ------------------------------------------------------------------------------------------------------------


def _why(binding: Binding, p: Parameter, spot: Spot) -> str:
    """Why a parameter is overruled by the one that binds."""
    upper, lower = binding.parameter.rank(spot.path), p.rank(spot.path)
    if upper[0] != lower[0]:
        return _("for a wider area")
    return _("of less authority") if upper[1] != lower[1] else _("began earlier")


def _history(key: str, spot: Spot, on: date, binding: Binding) -> list[dict[str, Any]]:
    """All values that were, are or will be given for a place, the latest first."""
    here = sorted((p for p in queries.book().by_key[key] if p.region in spot.path), key=lambda p: (p.start, p.prefix), reverse=True)
    rows = []
    for p in here:
        state = ("blue", _("planned")) if p.start > on else ("grey", _("ended"))
        if p in binding.overruled:
            state = ("grey", _why(binding, p, spot))
        elif p is binding.parameter:
            state = ("green", _("binds"))
        rows.append({"parameter": p, "words": words(p), "state": state, "place": dict(spot.levels).get(p.prefix, p.region)})
    return rows


def _places(actor: Actor, spot: Spot) -> list[tuple[str, str]]:
    """The levels of a place that somebody administers: the place itself first, if it was chosen, then the widest."""
    found = [(prefix, name) for prefix, name in spot.levels if rules.governs(actor.reach, prefix)]
    return found if spot.code == f"org:{actor.org_id}" else found[-1:] + found[:-1]


def _change_form(request: SignedRequest, key: str, spot: Spot, data: Any = None, files: Any = None) -> ChangeForm | None:
    """The form to propose a change; None for those who may not, where they may not, and for what nobody may change."""
    places, today = _places(request.actor, spot), local_day(request.at)
    if not places or not request.actor.may("policy.propose"):
        return None
    base = actions.base_of(key, places[0][0], today)
    if base.override == "never":
        return None
    binding = _bound(key, spot, today)
    first = first_values(base, (binding.parameter if binding else base).value, queries.settled_day(places[0][0], request.at))
    limits = queries.limits(places[0][0], today)
    return ChangeForm(data, files, base=base, places=places, limits=limits, initial=first)


def _show_parameter(
    request: SignedRequest, key: str, spot: Spot, form: ChangeForm | None, problem: Any = None, status: int = 200
) -> HttpResponse:
    on, wrong_day = _day(request)
    if key not in queries.book().by_key:
        raise Unknown(what="parameter")
    binding = _bound(key, spot, on)
    if binding is None:
        raise Unknown(what="parameter")
    p = binding.parameter
    clause = queries.clause(p.clause_id)
    near = [c for c in queries.changes_of(key) if c.place.startswith(spot.prefix) or spot.prefix.startswith(c.place)]
    context = {
        "key_name": key, "line": _line(key, spot, on), "spot": spot, "on": on, "clause": clause, "problem": problem,
        "document": queries.document(clause.document) if clause else None, "history": _history(key, spot, on, binding),
        "wrong_day": wrong_day, "override": texts.OVERRIDES[p.override], "tighter": texts.TIGHTER.get(p.tighter, ""),
        "decider": texts.DECIDERS[p.ambiguity.decided_by] if p.ambiguity else "",
        "choices": [texts.value_words(c, p.unit) for c in p.ambiguity.choices] if p.ambiguity else [],
        "changes": change_rows(near, request.actor), "form": form, "key": fresh_key(), "today": local_day(request.at),
    }  # fmt: skip
    return render(request, "desk/policy_parameter.html", context, status=422 if wrong_day and status == 200 else status)


@page("policy.read")
def parameter(request: SignedRequest, name: str) -> HttpResponse:
    """One parameter: its value, why it binds, what was and what is planned, and the form to propose a change."""
    spot = _chosen(request)
    if name not in queries.book().by_key:
        raise Unknown(what="parameter")
    return _show_parameter(request, name, spot, _change_form(request, name, spot))


@page("policy.propose", ("POST",))
def propose(request: SignedRequest, name: str) -> HttpResponse:
    """Propose a change of one parameter."""
    spot = _chosen(request)
    form = _change_form(request, name, spot, request.POST, request.FILES)
    if form is None:
        return _show_parameter(request, name, spot, None, refusal_text(actions.OutOfReach()), 409)
    if not form.is_valid():
        return _show_parameter(request, name, spot, form, status=422)
    try:
        change = actions.propose(form.new(name), form.ground, by=request.actor, at=request.at)
    except actions.DoesNotFit as refusal:
        _blame(form, refusal)
        return _show_parameter(request, name, spot, form, status=422)
    except Refused as refusal:
        return _show_parameter(request, name, spot, form, refusal_text(refusal), 409)
    messages.success(request, _("Proposed. It binds once another person has approved it."))
    return HttpResponseRedirect(f"/policy/changes/{change.pk}/", status=303)


def _blame(form: Any, refusal: actions.DoesNotFit) -> None:
    """Put what stands against a change beside the field it belongs to."""
    for finding in refusal.findings:
        field = finding.field if finding.field in form.fields else "minutes" if "minutes" in form.fields else None
        form.add_error(field, texts.finding_text(finding))


# --- changes ------------------------------------------------------------------------------------------------------------------

_TONES = {PROPOSED: "blue", APPROVED: "green", ENDED: "grey", "rejected": "red", "withdrawn": "grey"}


def _place_names(changes: Sequence[PolicyChange]) -> dict[str, str]:
    codes = {rules.region_of(c.place) for c in changes}
    regions = region_names(code for code in codes if code.isdigit())
    orgs = names_of(int(code.removeprefix(rules.HOUSE)) for code in codes if not code.isdigit())
    return {**regions, **{f"{rules.HOUSE}{number}": name for number, name in orgs.items()}}


def change_rows(changes: Sequence[PolicyChange], actor: Actor) -> list[dict[str, Any]]:
    """Changes as pages show them: with words for value, place, state and who proposed and decided."""
    places = _place_names(changes)
    orgs = names_of({i for c in changes for i in (c.proposed_org, c.decided_org) if i is not None})
    return [
        {
            "change": c, "title": _title_of(c), "value": _value_words(c),
            "place": places.get(rules.region_of(c.place), c.place), "code": rules.region_of(c.place),
            "state": texts.STATES[c.state], "tone": _TONES[c.state], "mine": c.proposed_by == actor.account_id,
            "governed": rules.governs(actor.reach, c.place), "proposed_org": orgs.get(c.proposed_org, ""),
            "decided_org": orgs.get(c.decided_org, ""), "authority": texts.AUTHORITIES[c.authority],
        }
        for c in changes
    ]  # fmt: skip


def _title_of(change: PolicyChange) -> str:
    same = queries.book().by_key.get(change.key)
    return title_of(same[0]) if same else change.key


def _value_words(change: PolicyChange) -> str:
    try:
        return texts.value_words(rules.value_of(change.value), change.unit)
    except ValueError:
        return str(change.value)


@page("policy.propose")
def waiting(request: SignedRequest) -> HttpResponse:
    """Changes that wait for a decision, within the area that this post administers."""
    mine = [c for c in queries.waiting() if rules.governs(request.actor.reach, c.place)]
    return render(request, "desk/policy_waiting.html", {"rows": change_rows(mine, request.actor)})


def _show_change(
    request: SignedRequest, change: PolicyChange, problem: Any = None, status: int = 200, **forms: Any
) -> HttpResponse:
    (row,) = change_rows([change], request.actor)
    spot = _spot(rules.region_of(change.place))
    binding = _bound(change.key, spot, local_day(request.at)) if change.key in queries.book().by_key else None
    actor, governed = request.actor, row["governed"]
    context = {
        **row, "spot": spot, "problem": problem, "key": fresh_key(), "now": words(binding.parameter) if binding else "",
        "clause": queries.clause(change.clause_id),
        "may_decide": change.state == PROPOSED and governed and actor.may("policy.decide") and not row["mine"],
        "may_withdraw": change.state == PROPOSED and governed and row["mine"] and actor.may("policy.propose"),
        "may_end": change.state == APPROVED and change.ends_id is None and governed and actor.may("policy.propose"),
        "end_form": EndForm(), "decision": DecisionForm(), **forms,
    }  # fmt: skip
    return render(request, "desk/policy_change.html", context, status=status)


@page("policy.read")
def change(request: SignedRequest, change_id: UUID) -> HttpResponse:
    """One change: what it asks for, on which document, and what became of it."""
    return _show_change(request, queries.change(change_id))


def _worded(refusal: Refused) -> tuple[str, str]:
    if isinstance(refusal, actions.DoesNotFit):
        refusal.detail["why"] = " ".join(texts.finding_text(f) for f in refusal.findings)
    return refusal_text(refusal)


@page("policy.decide", ("POST",))
def decide(request: SignedRequest, change_id: UUID) -> HttpResponse:
    """Approve or reject a change, as another person than its proposer."""
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _show_change(request, queries.change(change_id), status=422, decision=form)
    approve, note = form.cleaned_data["decision"] == "approve", form.cleaned_data["note"]
    try:
        actions.decide(change_id, approve=approve, note=note, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _show_change(request, queries.change(change_id), _worded(refusal), 409, decision=form)
    messages.success(request, _("Approved. It binds from its first day on.") if approve else _("Rejected."))
    return HttpResponseRedirect(f"/policy/changes/{change_id}/", status=303)


@page("policy.propose", ("POST",))
def withdraw(request: SignedRequest, change_id: UUID) -> HttpResponse:
    """Take one's own proposal back."""
    try:
        actions.withdraw(change_id, version=posted_version(request), by=request.actor, at=request.at)
    except Unknown:
        raise
    except Refused as refusal:
        return _show_change(request, queries.change(change_id), _worded(refusal), 409)
    messages.success(request, _("Withdrawn."))
    return HttpResponseRedirect(f"/policy/changes/{change_id}/", status=303)


@page("policy.propose", ("POST",))
def end(request: SignedRequest, change_id: UUID) -> HttpResponse:
    """Propose that a change end before its time; another person decides on that too."""
    form = EndForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_change(request, queries.change(change_id), status=422, end_form=form)
    try:
        made = actions.propose_end(change_id, form.cleaned_data["end"], form.ground, by=request.actor, at=request.at)
    except actions.DoesNotFit as refusal:
        _blame(form, refusal)
        return _show_change(request, queries.change(change_id), status=422, end_form=form)
    except Unknown:
        raise
    except Refused as refusal:
        return _show_change(request, queries.change(change_id), _worded(refusal), 409, end_form=form)
    messages.success(request, _("Proposed. It binds once another person has approved it."))
    return HttpResponseRedirect(f"/policy/changes/{made.pk}/", status=303)
