"""How the demo pair was made: its text, its instructions, its training; needs torch."""
