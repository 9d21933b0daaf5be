"""Referral quality 转诊质量: sampled review, units that refer unusually often, outliers, alerts on patients' ways, the bulletin.

Owns: review cycles, sampled referrals and their readings, outliers with events, alerts with their rows, bulletins. Calls: common,
access, policy, network, tasks, catalogue, registry, visits, referral, journeys. Called by: nobody yet.
"""
