"""Template tags of the desk, shared by the templates of the rooms below."""
