"""Addresses of the catalogue."""

from django.urls import path

from fenji.care.catalogue import views

urlpatterns = [path("suggest/", views.suggest, name="diagnosis-suggest")]
