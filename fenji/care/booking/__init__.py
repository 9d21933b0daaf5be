"""Booking 预约: sessions of expert clinics and examinations, their slots, who has one, who waits for one.

Owns clinic sessions, slots, bookings, the wait list and what is known of hospitals' own systems. A booking knows its subject (a
case number, a visit) as text alone. Calls: common, access, policy, network, tasks. Called by: referral.
"""
