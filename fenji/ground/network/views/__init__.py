"""The pages of institutions, their departments, staff and duty, of alliances and of regions."""
