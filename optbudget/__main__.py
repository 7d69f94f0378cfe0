"""`python -m optbudget` is the command `optbudget`."""

from optbudget.cli import main

main()
