"""All addresses. Each room lists its own."""

from django.urls import include, path

from fenji.care.booking.urls import beds_patterns
from fenji.care.referral.urls import facts_patterns, own_patterns
from fenji.care.visits.urls import stays_patterns
from fenji.config.api import ROOT, api

handler400 = "fenji.front.desk.views.errors.bad_request"
handler403 = "fenji.front.desk.views.errors.forbidden"
handler404 = "fenji.front.desk.views.errors.not_found"
handler500 = "fenji.front.desk.views.errors.server_error"

urlpatterns = [
    path("", include("fenji.front.desk.urls")),
    path("", include("fenji.front.watch.urls")),
    path("", include("fenji.ground.documents.urls")),
    path("", include("fenji.ground.tasks.urls")),
    path("residents/", include("fenji.care.registry.urls")),
    path("visits/", include("fenji.care.visits.urls")),
    path("stays/", include(stays_patterns)),
    path("", include("fenji.care.continuity.urls")),
    path("referrals/", include("fenji.care.referral.urls")),
    path("booking/", include("fenji.care.booking.urls")),
    path("beds/", include(beds_patterns)),
    path("quality/", include("fenji.measure.referral_quality.urls")),
    path("facts/referrals/", include(facts_patterns)),
    path("r/", include(own_patterns)),
    path(ROOT.removeprefix("/"), api.urls),
    path("", include("fenji.care.catalogue.urls")),
    path("", include("fenji.ground.publication.urls")),
    path("", include("fenji.ground.network.urls")),
]
