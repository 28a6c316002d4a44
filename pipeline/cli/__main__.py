"""`python -m pipeline.cli` is the `pipeline` command."""

from pipeline.cli import main

main()
