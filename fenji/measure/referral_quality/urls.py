"""Addresses of the quality of referrals."""

from django.urls import path

from fenji.measure.referral_quality.views import alerts, bulletins, cycles, outliers

urlpatterns = [
    path("", outliers.rates, name="quality-rates"),
    path("export.xlsx", outliers.rates_workbook, name="quality-rates-workbook"),
    path("cycles/", cycles.cycle_list, name="quality-cycles"),
    path("cycles/<uuid:cycle_id>/", cycles.cycle_page, name="quality-cycle"),
    path("cycles/<uuid:cycle_id>/export.xlsx", cycles.cycle_workbook, name="quality-cycle-workbook"),
    path("cycles/<uuid:cycle_id>/close/", cycles.close, name="quality-close"),
    path("sampled/<uuid:sampled_id>/", cycles.sampled, name="quality-sampled"),
    path("mine/", cycles.mine, name="quality-mine"),
    path("outliers/", outliers.outlier_list, name="quality-outliers"),
    path("outliers/export.xlsx", outliers.outliers_workbook, name="quality-outliers-workbook"),
    path("outliers/<uuid:outlier_id>/", outliers.outlier_page, name="quality-outlier"),
    path("outliers/<uuid:outlier_id>/do/<slug:action>/", outliers.step, name="quality-outlier-step"),
    path("alerts/", alerts.alert_list, name="quality-alerts"),
    path("alerts/export.xlsx", alerts.alerts_workbook, name="quality-alerts-workbook"),
    path("alerts/look/", alerts.look, name="quality-alerts-look"),
    path("alerts/counts/", alerts.counts, name="quality-alert-counts"),
    path("alerts/<uuid:alert_id>/", alerts.alert_page, name="quality-alert"),
    path("alerts/<uuid:alert_id>/answer/", alerts.answer, name="quality-alert-answer"),
    path("alerts/<uuid:alert_id>/judge/<slug:action>/", alerts.judge, name="quality-alert-judge"),
    path("bulletins/", bulletins.bulletin, name="quality-bulletin"),
    path("bulletins/export.xlsx", bulletins.bulletin_workbook, name="quality-bulletin-workbook"),
]
