"""Addresses of the watch."""

from django.urls import path

from fenji.front.watch.views import glass

urlpatterns = [
    path("glass/", glass.openings, name="glass"),
    path("glass/export.xlsx", glass.workbook_, name="glass-workbook"),
    path("glass/<uuid:glass_id>/review/", glass.review, name="glass-review"),
]
