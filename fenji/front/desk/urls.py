"""Addresses of the desk."""

from django.urls import URLPattern, include, path

from fenji.front.desk.views import account_page, accounts, home, machines, own, policy, session
from fenji.front.desk.views.accounts import ADMINISTRATORS, PEOPLE, Realm, of


def _accounts(realm: Realm) -> list[URLPattern]:
    """The pages about accounts, for one realm."""
    return [
        path("", of(realm, accounts.listing)),
        path("export.xlsx", of(realm, accounts.export)),
        path("new/", of(realm, accounts.new, ("GET", "POST"))),
        path("slip/", of(realm, accounts.slip)),
        path("<uuid:account_id>/", of(realm, account_page.show)),
        path("<uuid:account_id>/<slug:action>/", of(realm, account_page.act, ("POST",))),
    ]


urlpatterns = [
    path("", home.desk, name="desk"),
    path("desk.xlsx", home.desk_workbook, name="desk-workbook"),
    path("search/", home.search, name="search"),
    path("login/", session.login, name="login"),
    path("login/forget/", session.forget),
    path("logout/", session.logout, name="logout"),
    path("switch/", session.switch, name="switch"),
    path("posts/", session.posts, name="posts"),
    path("language/", session.language, name="language"),
    path("activate/", own.activate, name="activate"),
    path("account/", own.account, name="account"),
    path("account/password/", own.password, name="password"),
    path("account/sessions/", own.end_session, name="end-session"),
    path("accounts/", include(_accounts(PEOPLE))),
    path("accounts/administrators/", include(_accounts(ADMINISTRATORS))),
    path("accounts/institutions/", accounts.institutions),
    path("accounts/people/", accounts.people),
    path("machines/", machines.machines, name="machines"),
    path("machines/new/", machines.new),
    path("machines/slip/", machines.slip),
    path("machines/<uuid:account_id>/", machines.machine),
    path("machines/<uuid:account_id>/<slug:action>/", machines.act),
    path("policy/", policy.parameters, name="policy"),
    path("policy/export.xlsx", policy.export, name="policy-export"),
    path("policy/waiting/", policy.waiting, name="policy-waiting"),
    path("policy/parameters/<str:name>/", policy.parameter, name="policy-parameter"),
    path("policy/parameters/<str:name>/propose/", policy.propose, name="policy-propose"),
    path("policy/changes/<uuid:change_id>/", policy.change, name="policy-change"),
    path("policy/changes/<uuid:change_id>/decide/", policy.decide, name="policy-decide"),
    path("policy/changes/<uuid:change_id>/withdraw/", policy.withdraw, name="policy-withdraw"),
    path("policy/changes/<uuid:change_id>/end/", policy.end, name="policy-end"),
]
