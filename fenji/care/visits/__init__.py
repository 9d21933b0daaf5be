"""Visits 接诊登记: who saw whom, for what, with which disposition. Typed by the doctor.

Owns the visit table. Calls: common, access, network, catalogue, registry. Called by: referral.
"""
