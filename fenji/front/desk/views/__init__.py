"""Pages of the desk: `session` signing in and out, `home` the desk and search, `errors` what went wrong."""
