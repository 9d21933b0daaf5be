"""Addresses of notices and of messages to residents."""

from django.urls import path

from fenji.ground.tasks import views

urlpatterns = [
    path("notices/", views.notices, name="notices"),
    path("notices/export.xlsx", views.notices_workbook, name="notices-workbook"),
    path("notices/<uuid:notice_id>/", views.open_notice, name="notice"),
    path("messages/", views.messages_to_people, name="messages"),
    path("messages/export.xlsx", views.messages_workbook, name="messages-workbook"),
    path("messages/<uuid:message_id>/again/", views.again, name="message-again"),
    path("messages/<uuid:message_id>/give-up/", views.give_up, name="message-give-up"),
]
