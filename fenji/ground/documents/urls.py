"""Addresses of lists on their way in, of papers, and of stored files."""

from django.urls import path

from fenji.ground.documents import views

urlpatterns = [
    path("imports/", views.choose, name="imports"),
    path("imports/runs/<uuid:run_id>/", views.run, name="import-run"),
    path("imports/runs/<uuid:run_id>/write/", views.write, name="import-write"),
    path("imports/runs/<uuid:run_id>/discard/", views.discard, name="import-discard"),
    path("imports/runs/<uuid:run_id>/faults/", views.fault_file, name="import-faults"),
    path("imports/runs/<uuid:run_id>/handouts/", views.handouts, name="import-handouts"),
    path("imports/<slug:listing>/", views.listing, name="import-listing"),
    path("imports/<slug:listing>/template.xlsx", views.template, name="import-template"),
    path("files/<uuid:file_id>/", views.file, name="file"),
    path("institutions/<int:org_id>/papers/", views.papers, name="papers"),
    path("institutions/<int:org_id>/papers/<slug:kind>/new/", views.paper_new, name="paper-new"),
    path("institutions/papers/<uuid:paper_id>/back/", views.paper_back, name="paper-back"),
]
