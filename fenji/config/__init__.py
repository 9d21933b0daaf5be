"""Settings, addresses, the embedded server and the `fenji` command line. Sees all floors."""
