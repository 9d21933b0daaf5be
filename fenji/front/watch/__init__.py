"""Watch: the screens of those who watch over the house: openings beyond somebody's scope and the state of its protection, for
security administrators; the audit trail, the read log and the chain, for audit administrators.

Owns no table. Calls: access, policy, network, and referral for its words. Called by: nobody.
"""
