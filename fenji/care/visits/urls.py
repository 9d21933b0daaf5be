"""Addresses of visits, and of stays in hospital."""

from django.urls import path

from fenji.care.visits.views import stays as inpatients
from fenji.care.visits.views import visits as views

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

stays_patterns = [
    path("", inpatients.listed, name="stays"),
    path("export.xlsx", inpatients.census_workbook, name="stays-xlsx"),
    path("new/<uuid:resident_id>/", inpatients.admit, name="stay-new"),
    path("<uuid:stay_id>/", inpatients.stay, name="stay"),
    path("<uuid:stay_id>/do/<slug:action>/", inpatients.act, name="stay-act"),
]
