"""Referral quality 转诊质量: sampled review of referrals, units that refer unusually often, outlier cases, the bulletin.

Owns no table yet, only rules. Calls: common. Called by: nobody yet.
"""
