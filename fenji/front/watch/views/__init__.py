"""Pages of the watch: `glass` what was opened beyond somebody's scope."""
