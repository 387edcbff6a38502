"""Probes: each sees one kind of resource, cheaply while nothing is wrong and in full once something is."""
