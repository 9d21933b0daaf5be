"""Tasks: one `work_item` per waiting step (who, what, until when), and the outbox of messages between institutions.

Owns work items, outbox messages and the notices made of them. Written in the same transaction as the change that makes them.
Calls: common, access, policy, network. Called by: every room with steps that wait; kinds are registered at start-up.
"""
