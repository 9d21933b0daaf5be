"""Registry: residents, their documents, who acts for them, and which records are one person.

Owns these tables, the one door by document, and the emergency access to a resident's records elsewhere.
Calls: common, access, policy, network, tasks. Called by: visits, referral.
"""
