"""Addresses of institutions, staff, alliances and regions."""

from django.urls import path

from fenji.ground.network.views import alliances, changes, duty, institutions, parts, regions, staff

_ORG = "institutions/<int:org_id>"

urlpatterns = [
    path("institutions/", institutions.listing, name="institutions"),
    path("institutions/export.xlsx", institutions.listing_workbook, name="institutions-workbook"),
    path("institutions/suggest/", institutions.suggest, name="institutions-suggest"),
    path("institutions/new/", changes.new, name="institution-new"),
    path(f"{_ORG}/", institutions.institution, name="institution"),
    path(f"{_ORG}/change/", changes.change, name="institution-change"),
    path(f"{_ORG}/place/", changes.place, name="institution-place"),
    path(f"{_ORG}/move/", changes.move, name="institution-move"),
    path(f"{_ORG}/end/", changes.end, name="institution-end"),
    path(f"{_ORG}/departments/", parts.departments, name="departments"),
    path("institutions/departments/<int:department_id>/", parts.department, name="department"),
    path("institutions/departments/<int:department_id>/end/", parts.department_end, name="department-end"),
    path(f"{_ORG}/relations/", parts.relations, name="relations"),
    path(f"{_ORG}/relations/<int:relation_id>/end/", parts.relation_end, name="relation-end"),
    path(f"{_ORG}/seats/", parts.seats, name="seats"),
    path("institutions/seats/<uuid:member_id>/end/", parts.seat_end, name="seat-end"),
    path(f"{_ORG}/staff/", staff.staff, name="staff"),
    path(f"{_ORG}/staff/export.xlsx", staff.staff_workbook, name="staff-workbook"),
    path(f"{_ORG}/staff/new/", staff.new, name="staff-new"),
    path("staff/<uuid:practitioner_id>/", staff.person, name="person"),
    path("staff/<uuid:practitioner_id>/change/", staff.change, name="person-change"),
    path("staff/<uuid:practitioner_id>/work/", staff.work, name="person-work"),
    path("staff/work/<uuid:work_id>/end/", staff.work_end, name="work-end"),
    path(f"{_ORG}/duty/", duty.duty, name="duty"),
    path(f"{_ORG}/duty/add/", duty.add, name="duty-add"),
    path("institutions/duty/<uuid:shift_id>/off/", duty.off, name="duty-off"),
    path("alliances/", alliances.listing, name="alliances"),
    path("alliances/export.xlsx", alliances.listing_workbook, name="alliances-workbook"),
    path("alliances/new/", alliances.new, name="alliance-new"),
    path("alliances/<int:alliance_id>/", alliances.alliance, name="alliance"),
    path("alliances/<int:alliance_id>/members.xlsx", alliances.members_workbook, name="alliance-workbook"),
    path("alliances/<int:alliance_id>/join/", alliances.join, name="alliance-join"),
    path("alliances/<int:alliance_id>/leave/<int:org_id>/", alliances.leave, name="alliance-leave"),
    path("alliances/<int:alliance_id>/unify/", alliances.unify, name="alliance-unify"),
    path("regions/", regions.regions, name="regions"),
    path("regions/suggest/", regions.suggest, name="regions-suggest"),
    path("regions/<int:region_id>/", regions.region, name="region"),
    path("regions/<int:region_id>/change/", regions.change, name="region-change"),
    path("regions/<int:region_id>/merge/", regions.merge, name="region-merge"),
]
