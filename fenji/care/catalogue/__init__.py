"""Catalogue: diagnoses and code tables; lists of diseases, items, techniques and guides, each a dated version with a second person.

Owns the dictionary with its readings, imported code tables, versions of lists and their entries. Calls: common, access, policy,
network, tasks, publication. Called by: visits, referral.
"""
