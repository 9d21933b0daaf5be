"""Addresses of the catalogue."""

from django.urls import path

from fenji.care.catalogue import views

urlpatterns = [path("diagnoses/suggest/", views.suggest, name="diagnosis-suggest")]
