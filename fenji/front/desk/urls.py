"""Addresses of the desk."""

from django.urls import path

from fenji.front.desk.views import home, session

urlpatterns = [
    path("", home.desk, name="desk"),
    path("desk.xlsx", home.desk_workbook, name="desk-workbook"),
    path("search/", home.search, name="search"),
    path("login/", session.login, name="login"),
    path("logout/", session.logout, name="logout"),
    path("posts/", session.posts, name="posts"),
    path("language/", session.language, name="language"),
]
