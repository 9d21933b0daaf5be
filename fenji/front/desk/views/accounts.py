"""Accounts within an administrator's reach: people for the system administrator, administrators for the security administrator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fenji.front.desk import queries, slips
from fenji.front.desk.forms import AccountForm
from fenji.front.desk.texts import ACCOUNT_STATES
from fenji.front.desk.views.session import password_policy
from fenji.ground.access import actions
from fenji.ground.access import queries as access
from fenji.ground.access.models import Account
from fenji.ground.access.rules import ACCOUNT_STATES as STATES
from fenji.ground.access.rules import ADMINISTERED_WITH, ADMINISTRATOR_KIND, ROLES_OF_KIND, STAFF_KIND, Actor
from fenji.ground.access.texts import ROLE_NAMES
from fenji.ground.common.edge import SignedRequest, absolute, fresh_key, page, refusal_text
from fenji.ground.common.excel import Column, workbook
from fenji.ground.common.lists import EXPORT_LIMIT, SIZES, size_of, too_many
from fenji.ground.common.qr import picture
from fenji.ground.common.refusal import Refused
from fenji.ground.common.text import half_width
from fenji.ground.network.actions import appoint
from fenji.ground.network.queries import names_of, organisations_within

SUGGESTED = 12


@dataclass(frozen=True, slots=True)
class Realm:
    """Whose accounts a set of pages is about: kind of account, where the pages are, what they are called."""

    kind: str
    base: str
    title: str | Promise
    new: str | Promise

    @property
    def permission(self) -> str:
        """What its pages need."""
        return ADMINISTERED_WITH[self.kind]

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles given there."""
        return ROLES_OF_KIND[self.kind]


PEOPLE = Realm(STAFF_KIND, "/accounts/", gettext_lazy("Accounts"), gettext_lazy("New account"))
ADMINISTRATORS = Realm(
    ADMINISTRATOR_KIND, "/accounts/administrators/", gettext_lazy("Administrators"), gettext_lazy("New administrator")
)
View = Callable[..., HttpResponse]


def of(realm: Realm, work: View, methods: tuple[str, ...] = ("GET",)) -> View:
    """A view of one realm, guarded by its permission."""

    @page(realm.permission, methods)
    def view(request: SignedRequest, **where: Any) -> HttpResponse:
        return work(request, realm, **where)

    return view


@dataclass(frozen=True, slots=True)
class Line:
    """An account as the list shows it."""

    account: Account
    home: str
    roles: tuple[str, ...]
    state: str


def _filtered(request: SignedRequest, realm: Realm) -> tuple[QuerySet[Account], dict[str, str]]:
    asked = {name: half_width(request.GET.get(name, "")) for name in ("q", "org", "role", "state")}
    rows = access.administered(request.actor, (realm.kind,))
    if asked["q"]:
        rows = access.matching(rows, asked["q"])
    if asked["org"]:
        number = asked["org"].split()[0]
        named = organisations_within(request.actor.reach, asked["org"]).order_by().values("id")
        rows = rows.filter(org_id=int(number)) if _is_number(number) else rows.filter(org_id__in=named)
    if asked["role"] in realm.roles:
        rows = rows.filter(pk__in=queries.holders(asked["role"], request.at))
    if asked["state"] in STATES:
        rows = access.in_state(rows, asked["state"], request.at, _policy(request))
    return rows, asked


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _policy(request: SignedRequest) -> Any:
    return password_policy(request.actor.org_id, request.at)


def _lines(request: SignedRequest, found: list[Account]) -> list[Line]:
    homes = names_of([a.org_id for a in found if a.org_id])
    posts = queries.posts_now([a.pk for a in found], request.at)
    return [
        Line(
            a,
            homes.get(a.org_id or 0, ""),
            tuple(dict.fromkeys(str(ROLE_NAMES[p.role]) for p in posts.get(a.pk, ()))),
            access.state_of(a, request.at, _policy(request)),
        )
        for a in found
    ]


def listing(request: SignedRequest, realm: Realm) -> HttpResponse:
    """The accounts within my reach, filtered."""
    rows, asked = _filtered(request, realm)
    size = size_of(request.GET, SIZES)
    start = int(request.GET["from"]) if _is_number(request.GET.get("from", "")) else 0
    found = list(rows[start : start + size + 1])
    context = {
        "realm": realm,
        "lines": _lines(request, found[:size]),
        "asked": asked,
        "query": request.GET.copy(),
        "roles": [(r, ROLE_NAMES[r]) for r in realm.roles],
        "states": ACCOUNT_STATES.items(),
        "size": size,
        "sizes": SIZES,
        "more": start + size if len(found) > size else None,
        "before": max(start - size, 0) if start else None,
        "start": start,
    }
    return render(request, "desk/accounts.html", context)


def export(request: SignedRequest, realm: Realm) -> HttpResponse:
    """The same as a spreadsheet. More rows than the limit: a page that says so, never a cut list."""
    rows, _asked = _filtered(request, realm)
    found = list(rows[: EXPORT_LIMIT + 1])
    if len(found) > EXPORT_LIMIT:
        return too_many(request, realm.base, EXPORT_LIMIT)
    columns = [
        Column(_("Name"), lambda line: line.account.name),
        Column(_("User name"), lambda line: line.account.username),
        Column(_("Institution"), lambda line: line.home),
        Column(_("Roles"), lambda line: "、".join(line.roles)),
        Column(_("State"), lambda line: str(ACCOUNT_STATES[line.state])),
    ]
    return workbook(str(realm.title), columns, _lines(request, found))


def new(request: SignedRequest, realm: Realm) -> HttpResponse:
    """Make an account with its first post; then its slip is shown, once."""
    actor = request.actor
    form = AccountForm(request.POST if request.method == "POST" else None, by=actor, kind=realm.kind, roles=realm.roles)
    problem, status = None, 200
    if request.method == "POST":
        status = 422
        proposed = access.free_username(request.POST.get("name", "")[:60])
        checked = form.checked(proposed) if form.is_valid() else None
        if checked is not None:
            try:
                (account,) = actions.create_accounts([checked], by=actor, at=request.at)
                appoint(account.pk, checked.org_id, form.cleaned_data["role"], request.at, by=actor, at=request.at)
                codes = actions.new_activation([account.pk], by=actor, at=request.at, policy=_policy(request))
                return to_slip(request, realm, account, codes[account.pk], form.cleaned_data["org"].name)
            except actions.UsernameTaken as refusal:
                form.add_error("username", " ".join(refusal_text(refusal)))
            except Refused as refusal:
                status, problem = 409, refusal_text(refusal)
    context = {"realm": realm, "form": form, "problem": problem, "key": fresh_key()}
    return render(request, "desk/account_new.html", context, status=status)


def to_slip(request: SignedRequest, realm: Realm, account: Account, code: str, home: str) -> HttpResponse:
    """On to the page that shows a new code."""
    answer = HttpResponseRedirect(f"{realm.base}slip/", status=303)
    slip = {"account": str(account.pk), "name": account.name, "username": account.username, "home": home, "code": code}
    return slips.hand_over(answer, request.actor, **slip)


def slip(request: SignedRequest, realm: Realm) -> HttpResponse:
    """The slip of a new code, to print and hand over. It is shown once."""
    found = slips.take(request)
    address = absolute(request, "/activate/")
    # behind the # it is sent to no server and stands in no log
    scanned = f"{address}#{found['username']}:{found['code']}"
    context = {
        **found,
        "realm": realm,
        "address": address,
        "picture": picture(scanned, _("QR code of the activation page")),
        "groups": found["code"].split("-"),
        "days": _policy(request).activation_days,
    }
    return slips.shown(render(request, "desk/slip.html", context))


@page("network.read")
def institutions(request: SignedRequest) -> HttpResponse:
    """Suggestions while an institution of mine is typed."""
    typed = half_width(request.GET.get("org", ""))
    found = organisations_within(request.actor.reach, typed)[:SUGGESTED] if typed else []
    options = [(f"{o.id} {o.name}", "") for o in found]
    return render(request, "desk/options.html", {"options": options})


@page("account.write")
def people(request: SignedRequest) -> HttpResponse:
    """Suggestions while a stand-in is typed."""
    typed = half_width(request.GET.get("stand_in", ""))
    found = list(access.matching(access.administered(request.actor, (STAFF_KIND,)), typed)[:SUGGESTED]) if typed else []
    homes = names_of([a.org_id for a in found if a.org_id])
    options = [(f"{a.username} {a.name}", homes.get(a.org_id or 0, "")) for a in found]
    return render(request, "desk/options.html", {"options": options})


def found_account(realm: Realm, account_id: UUID, by: Actor) -> Account:
    """An account of a realm. Raises Unknown."""
    return access.account(account_id, by, (realm.kind,))


def say(request: SignedRequest, text: str, account: Account, realm: Realm) -> HttpResponse:
    """Back to an account's page with a word of what was done."""
    messages.success(request, text)
    return HttpResponseRedirect(f"{realm.base}{account.pk}/", status=303)
