"""Access: who somebody is, what their role permits, which rows they reach, and the record of what was done and read.

Owns accounts, scope handles (sessions of people, keys of machines), idempotency keys, the audit trail and its seals, the read log,
openings beyond a scope and their reviews.
Calls: common. Called by: every room (permissions, audit, read log) and by `config.middleware` (opens the handle).
"""
