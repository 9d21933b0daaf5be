"""Addresses of clinics, examinations and the wait list; and of beds."""

from django.urls import path

from fenji.care.booking.views import bedwaits, boards, sessions, waiting, wards

urlpatterns = [
    path("", sessions.week, name="booking"),
    path("export.xlsx", sessions.week_workbook, name="booking-workbook"),
    path("new/", sessions.new, name="booking-new"),
    path("away/", sessions.away, name="booking-away"),
    path("sessions/<uuid:session_id>/", sessions.session, name="booking-session"),
    path("sessions/<uuid:session_id>/cancel/", sessions.cancel, name="booking-cancel"),
    path("waiting/", waiting.waiting, name="booking-waiting"),
    path("waiting/export.xlsx", waiting.waiting_workbook, name="booking-waiting-workbook"),
    path("waiting/<uuid:entry_id>/place/", waiting.place, name="booking-place"),
    path("waiting/<uuid:entry_id>/leave/", waiting.leave, name="booking-leave"),
    path("to-move/", waiting.to_move, name="booking-to-move"),
    path("to-move/<uuid:booking_id>/move/", waiting.move, name="booking-move"),
]

beds_patterns = [
    path("", boards.board, name="beds"),
    path("export.xlsx", boards.board_workbook, name="beds-workbook"),
    path("hold/", boards.hold, name="bed-hold"),
    path("holds/<uuid:hold_id>/<slug:action>/", boards.act, name="bed-act"),
    path("waiting/", bedwaits.waiting, name="bed-waiting"),
    path("waiting/<uuid:entry_id>/leave/", bedwaits.leave, name="bed-leave"),
    path("wards/new/", wards.new, name="ward-new"),
    path("wards/<uuid:ward_id>/", wards.ward, name="ward"),
    path("wards/<uuid:ward_id>/close/", wards.close, name="ward-close"),
    path("wards/<uuid:ward_id>/add/", wards.add, name="bed-add"),
    path("one/<uuid:bed_id>/", wards.bed, name="bed"),
]
