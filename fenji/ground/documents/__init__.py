"""Documents: files with hash and checked type, encrypted at rest, with their viewers; versions of papers; lists that come in.

Owns stored files, papers and import runs. Calls: common, access, policy, network. Called by: every room that keeps a file; rooms
register the lists they take in (`common.imports`).
"""
