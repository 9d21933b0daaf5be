"""Pages of the watch: `glass` what was opened beyond somebody's scope, `security` the state of the protection,
`audit` the traces and their chain."""
