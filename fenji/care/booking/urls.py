"""Addresses of clinics, examinations and the wait list."""

from django.urls import path

from fenji.care.booking.views import sessions, waiting

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
