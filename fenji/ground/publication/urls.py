"""Addresses of this room: the public pages, the pages of those who publish, announcements."""

from django.urls import path

from fenji.ground.publication.views import announcements, public, staff

urlpatterns = [
    path("p/", public.find, name="public"),
    path("p/<int:org_id>/", public.institution, name="public-institution"),
    path("p/<int:org_id>/notice/", public.notice, name="public-notice"),
    path("p/<int:org_id>/<slug:kind>/", public.one_list, name="public-list"),
    path("p/disease/<str:code>/", public.disease, name="public-disease"),
    path("publication/", staff.overview, name="publication"),
    path("publication/board/", staff.board, name="publication-board"),
    path("publication/board.xlsx", staff.board_workbook, name="publication-workbook"),
    path("publication/<int:org_id>/", staff.institution, name="publication-institution"),
    path("publication/confirm/<uuid:copy_id>/", staff.confirm, name="publication-confirm"),
    path("publication/void/<uuid:event_id>/", staff.void, name="publication-void"),
    path("announcements/", announcements.inbox, name="announcements"),
    path("announcements/new/", announcements.new, name="announcement-new"),
    path("announcements/<uuid:announcement_id>/", announcements.read, name="announcement"),
    path("announcements/<uuid:announcement_id>/confirm/", announcements.confirm, name="announcement-confirm"),
    path("announcements/<uuid:announcement_id>/withdraw/", announcements.withdraw, name="announcement-withdraw"),
    path("announcements/<uuid:announcement_id>/receipts.xlsx", announcements.receipts_workbook, name="announcement-receipts"),
]
