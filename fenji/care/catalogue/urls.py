"""Addresses of the catalogue."""

from django.urls import path

from fenji.care.catalogue import views

urlpatterns = [
    path("diagnoses/suggest/", views.suggest, name="diagnosis-suggest"),
    path("catalogues/", views.lists, name="catalogues"),
    path("catalogues/start/<slug:kind>/", views.start, name="catalogue-start"),
    path("catalogues/<int:version_id>/", views.version, name="catalogue"),
    path("catalogues/<int:version_id>/export.xlsx", views.version_workbook, name="catalogue-workbook"),
    path("catalogues/<int:version_id>/changes/", views.changes, name="catalogue-changes"),
    path("catalogues/<int:version_id>/do/<slug:action>/", views.act, name="catalogue-act"),
    path("catalogues/<int:version_id>/entries/new/", views.add_entry, name="catalogue-add"),
    path("catalogues/<int:version_id>/entries/<int:entry_id>/", views.entry, name="catalogue-entry"),
]
