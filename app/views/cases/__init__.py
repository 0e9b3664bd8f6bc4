"""The Cases view: the list of a case library."""
