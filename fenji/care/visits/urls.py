"""Addresses of visits."""

from django.urls import path

from fenji.care.visits import views

urlpatterns = [
    path("", views.listed, name="visits"),
    path("export.xlsx", views.list_workbook, name="visits-xlsx"),
    path("infections/", views.register_of_infections, name="infections"),
    path("infections/export.xlsx", views.infections_workbook, name="infections-xlsx"),
    path("new/<uuid:resident_id>/", views.register, name="visit-new"),
    path("<uuid:visit_id>/", views.visit, name="visit"),
    path("<uuid:visit_id>/edit/", views.edit, name="visit-edit"),
    path("<uuid:visit_id>/do/<slug:action>/", views.act, name="visit-act"),
]
