"""Referral quality 转诊质量: sampled review of referrals, units that refer unusually often, outlier cases, the bulletin.

Owns: review cycles, sampled referrals and their readings, outliers with events, bulletins. Calls: common, access, policy, network,
tasks, catalogue, referral. Called by: nobody yet.
"""
