"""Visits 接诊登记: who saw whom, for what, with which disposition; who answers for it; notifiable diseases. Typed, or fed.

Owns visits, hand-overs, their events and the register of notifiable diseases. Calls: common, access, policy, network, tasks,
documents, catalogue, registry. Called by: referral.
"""
