"""Visits 接诊登记: who saw whom, for what, with which disposition; who answers for it; notifiable diseases; who is in hospital.

Owns visits, hand-overs, their events, the register of notifiable diseases, and stays. Calls: common, access, policy, network,
tasks, documents, catalogue, registry. Called by: referral.
"""
