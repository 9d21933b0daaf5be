"""Common: what every room needs and no room owns.

Owns no tables. `ids`, `identity`, `text`, `clock`, `units`, `decision` and `refusal` are pure; `models`, `rls` and `edge` know
Django; `crypto` knows keys. Called by every room; calls nobody.
"""
