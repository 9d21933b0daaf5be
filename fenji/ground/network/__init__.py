"""Network: regions, organisations, alliances, departments, and the posts that tie accounts to organisations.

Owns those tables; `queries.scope_of(post)` says what a post reaches. Calls: common, access, policy. Called by: all care rooms.
"""
