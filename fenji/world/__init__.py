"""World: an invented county on real divisions, for demo, tests and benchmarks. Deterministic by seed.

`county` institutions, accounts and lists; `people` residents; `publicity` what is public and `story` cases under way, both made by
the real actions; `build` all of it.
Sees every floor but config. Nothing in it is a real institution or person.
"""
