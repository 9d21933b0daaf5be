"""Addresses of the registry."""

from django.urls import path

from fenji.care.registry import views

urlpatterns = [
    path("", views.search, name="residents"),
    path("door/", views.door, name="resident-door"),
    path("new/", views.register, name="resident-new"),
    path("<uuid:resident_id>/", views.resident, name="resident"),
    path("<uuid:resident_id>/glass/", views.glass, name="resident-glass"),
    path("<uuid:resident_id>/glass/close/", views.glass_close, name="resident-glass-close"),
]
