"""Booking 预约: sessions of expert clinics and examinations, their slots, wards and their beds; who has one, who waits for one.

Owns clinic sessions, slots, bookings, the wait list, wards, beds, holds of beds and what is known of hospitals' own systems. What
is booked or held knows its subject (a case number, a visit) as text alone. Calls: common, access, policy, network, tasks, visits.
Called by: referral.
"""
