"""Addresses of the registry."""

from django.urls import path

from fenji.care.registry.views import duplicates, proxies
from fenji.care.registry.views import residents as views

urlpatterns = [
    path("", views.search, name="residents"),
    path("door/", views.door, name="resident-door"),
    path("new/", views.register, name="resident-new"),
    path("new/<slug:kind>/", views.register_other, name="resident-new-other"),
    path("duplicates/", duplicates.listed, name="duplicates"),
    path("duplicates/export.xlsx", duplicates.list_workbook, name="duplicates-xlsx"),
    path("duplicates/<uuid:duplicate_id>/", duplicates.compare, name="duplicate"),
    path("<uuid:resident_id>/", views.resident, name="resident"),
    path("proxies/<uuid:proxy_id>/end/", proxies.end, name="proxy-end"),
    path("<uuid:resident_id>/proxies/", proxies.proxies, name="proxies"),
    path("<uuid:resident_id>/identify/", views.identify, name="resident-identify"),
    path("<uuid:resident_id>/glass/", views.glass, name="resident-glass"),
    path("<uuid:resident_id>/glass/close/", views.glass_close, name="resident-glass-close"),
]
