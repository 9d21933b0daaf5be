"""Registry: residents and their identities.

Owns both tables and the one door by identity number. Calls: common, access, policy, network. Called by: visits, referral.
"""
