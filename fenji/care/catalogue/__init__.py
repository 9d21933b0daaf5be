"""Catalogue: diagnoses, the first-contact list of a county community, and each institution's own list of treatable diseases.

Owns the code table and the dated list versions. Calls: common, network. Called by: visits, referral.
"""
