"""Continuity 连续服务: what a hospital gives with a patient who goes down, the plan, and the follow-ups that come of it.

Rules alone for now: the package of a way down, the plan and its dates, what is measured, the outcomes, the chain of care.
Calls: common, policy. Called by: nobody yet; referral, once the way down stands in its table.
"""
