"""Pages of visits, and of stays in hospital."""
