"""Registry: residents and their identities.

Owns both tables, the one door by identity number, and the emergency access to a resident's records elsewhere.
Calls: common, access, policy, network, tasks. Called by: visits, referral.
"""
