"""The command line: each sub-command is a file with `add_to(commands)` and a function that returns an exit status."""
