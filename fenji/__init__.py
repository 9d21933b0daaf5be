"""Fenji 分级: the open platform that runs tiered care. Floors, lowest first: ground, care, measure, reach, govern, front."""
