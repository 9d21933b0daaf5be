"""Referral: the case of a patient sent up, from draft to closed, with its verdict and its holder.

Owns cases, their events and the sequence of case numbers. Calls: common, access, policy, network, tasks, catalogue,
registry, visits. Called by: the desk.
"""
