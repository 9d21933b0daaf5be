"""Publication: what the public may see: published copies, no patients; and notices with read receipts inside the house.

Owns published pages, the log of channels, notices. Calls: common, access, policy, network.
Called by: rooms that publish (catalogue).
"""
