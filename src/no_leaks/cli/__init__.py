"""The command line: no-leaks demo and doctor."""
