"""Journeys 就医路径: what the way of a patient through several institutions shows, from stays, visits and cases of any source.

Owns no table yet, only rules: discharge in place of referral, a bypassed first contact, an easily treated disease sent up, a
patient turned away. Calls: common, policy, network, referral. Called by: referral_quality.
"""
