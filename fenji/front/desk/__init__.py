"""Desk: the staff home. Signing in, what waits for me, search, accounts, and the pages for what went wrong.

Owns no tables. Calls: ground and care. Called by: config (errors, context).
"""
