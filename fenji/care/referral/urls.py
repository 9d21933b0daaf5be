"""Addresses of referrals."""

from django.urls import path, register_converter

from fenji.care.referral import views


class CaseNumber:
    """`R350405-260915-00042-7`; anything else is no address."""

    regex = r"[RD]\d{6}-\d{6}-\d{5}-\d"

    def to_python(self, value: str) -> str:
        """As it stands."""
        return value

    def to_url(self, value: str) -> str:
        """As it stands."""
        return value


register_converter(CaseNumber, "case")

urlpatterns = [
    path("", views.case_list, name="referrals"),
    path("export.xlsx", views.list_workbook, name="referrals-workbook"),
    path("new/<uuid:visit_id>/", views.new, name="referral-new"),
    path("verdict/<uuid:visit_id>/", views.verdict, name="referral-verdict"),
    path("<case:number>/", views.case_page, name="referral"),
    path("<case:number>/edit/", views.edit, name="referral-edit"),
    path("<case:number>/do/<slug:action>/", views.act, name="referral-act"),
]
