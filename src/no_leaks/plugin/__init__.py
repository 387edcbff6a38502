"""The pytest side: hooks, options, ownership of fixtures, the terminal; the only floor that imports pytest."""
