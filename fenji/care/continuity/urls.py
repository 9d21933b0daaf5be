"""Addresses of packages, plans and follow-ups."""

from django.urls import path

from fenji.care.continuity.views import follow_ups, plans, writing

urlpatterns = [
    path("packages/new/<uuid:stay_id>/", writing.write, name="package-write"),
    path("plans/<str:subject>/", plans.plan, name="plan"),
    path("plans/<str:subject>/attach/", plans.attach, name="plan-attach"),
    path("plans/attachments/<uuid:attachment_id>/remove/", plans.detach, name="plan-detach"),
    path("followups/", follow_ups.listed, name="followups"),
    path("followups/export.xlsx", follow_ups.list_workbook, name="followups-xlsx"),
    path("followups/size/", follow_ups.size, name="followups-size"),
    path("followups/<uuid:followup_id>/", follow_ups.record, name="followup"),
    path("followups/<uuid:followup_id>/delegate/", follow_ups.delegate, name="followup-delegate"),
]
