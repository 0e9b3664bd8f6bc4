"""Which layers carry a choice: the state of one model put into the other (METHODS 16)."""
