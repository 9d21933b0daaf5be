"""Addresses of visits."""

from django.urls import path

from fenji.care.visits import views

urlpatterns = [
    path("new/<uuid:resident_id>/", views.register, name="visit-new"),
    path("<uuid:visit_id>/", views.visit, name="visit"),
]
