"""Addresses of referrals."""

from django.urls import path, register_converter

from fenji.care.referral.views import beds, down, facts, lists, moving, own, papers, review, writing


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
    path("", lists.case_list, name="referrals"),
    path("export.xlsx", lists.list_workbook, name="referrals-workbook"),
    path("review/", review.waiting, name="review"),
    path("review/export.xlsx", review.waiting_workbook, name="review-workbook"),
    path("review/approve/", review.approve_ticked, name="review-approve"),
    path("review/delegations/", review.delegations, name="review-delegations"),
    path("review/delegations/<uuid:delegation_id>/end/", review.end_delegation, name="review-delegation-end"),
    path("new/<uuid:visit_id>/", writing.new, name="referral-new"),
    path("verdict/<uuid:visit_id>/", writing.verdict, name="referral-verdict"),
    path("down/", down.candidates, name="referral-down"),
    path("down/<uuid:stay_id>/", down.new, name="referral-down-new"),
    path("<case:number>/", moving.case_page, name="referral"),
    path("register/", papers.register, name="referral-register"),
    path("register.xlsx", papers.register_workbook, name="referral-register-workbook"),
    path("<case:number>/slip/", papers.slip, name="referral-slip"),
    path("<case:number>/filing/", papers.filing, name="referral-filing"),
    path("<case:number>/edit/", writing.edit, name="referral-edit"),
    path("<case:number>/link/<slug:action>/", own.own_link, name="referral-link"),
    path("<case:number>/bed/", beds.bed, name="referral-bed"),
    path("<case:number>/do/<slug:action>/", moving.act, name="referral-act"),
]

facts_patterns = [
    path("", facts.fact_list, name="facts"),
    path("export.xlsx", facts.facts_workbook, name="facts-workbook"),
    path("<case:number>/", facts.fact_page, name="fact"),
    path("<case:number>/identity/", facts.identity, name="fact-identity"),
]
"""What officers see, below /facts/referrals/."""

own_patterns = [path("<slug:token>", own.own_page, name="own-page")]
"""The resident's own page, below /r/."""
