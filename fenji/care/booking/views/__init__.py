"""The pages of the hospital's desk, and the week that everybody may look at."""
