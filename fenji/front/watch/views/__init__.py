"""Pages of the watch: `glass` what was opened beyond somebody's scope, `audit` the traces and their chain."""
