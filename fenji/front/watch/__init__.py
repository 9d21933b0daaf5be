"""Watch: the screens of those who watch over the house: openings beyond somebody's scope, for security administrators.

Owns no table. Calls: access, policy, network. Called by: nobody.
"""
