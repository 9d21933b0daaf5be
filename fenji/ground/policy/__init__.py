"""Policy: the documents as data, and which of their numbers bind where and when.

Owns the packs (TOML, shipped, hashed) and the working-day calendar. Offers `resolve(XPolicy, path, on)`.
Calls: common, access. Called by: every room that decides something.
"""
