"""Addresses of the watch."""

from django.urls import path

from fenji.front.watch.views import audit, glass, security

urlpatterns = [
    path("glass/", glass.openings, name="glass"),
    path("glass/export.xlsx", glass.openings_workbook, name="glass-workbook"),
    path("glass/<uuid:glass_id>/review/", glass.review, name="glass-review"),
    path("security/", security.overview, name="security"),
    path("audit/", audit.trail, name="audit"),
    path("audit/export.xlsx", audit.trail_workbook, name="audit-workbook"),
    path("audit/reads/", audit.reads, name="audit-reads"),
    path("audit/reads/export.xlsx", audit.reads_workbook, name="audit-reads-workbook"),
    path("audit/chain/", audit.chain, name="audit-chain"),
]
