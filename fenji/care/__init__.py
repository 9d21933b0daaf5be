"""Patients up and down: catalogue, registry, visits, referral."""
