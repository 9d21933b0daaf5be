"""Documents: files with hash and checked type, encrypted at rest, with their viewers; and the imports that come in as files.

Owns stored files and import runs. Calls: common, access, policy, network. Called by: every room that keeps a file; rooms register
the lists they take in (`common.imports`).
"""
