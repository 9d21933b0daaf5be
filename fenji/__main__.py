"""`python -m fenji` is the same as the `fenji` command."""

from fenji.config.cli import main

main()
