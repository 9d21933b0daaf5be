"""Continuity 连续服务: what a hospital gives with a patient who goes down, the plan, and the follow-ups that come of it.

Owns packages with their files, the lines of their plans, follow-ups and what happened to them. A package knows its subject (the
number of a case) as text alone. Calls: common, access, policy, network, tasks, documents, registry, visits. Called by: referral.
"""
