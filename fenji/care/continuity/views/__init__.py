"""Pages of this room: the package, the plan, and follow-ups on the phone."""
