"""Addresses of the desk."""

from django.urls import path

from fenji.front.desk.views import home, policy, session

urlpatterns = [
    path("", home.desk, name="desk"),
    path("desk.xlsx", home.desk_workbook, name="desk-workbook"),
    path("search/", home.search, name="search"),
    path("login/", session.login, name="login"),
    path("logout/", session.logout, name="logout"),
    path("posts/", session.posts, name="posts"),
    path("language/", session.language, name="language"),
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
