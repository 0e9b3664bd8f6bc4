"""Files as the user has them: their encoding and lines, and writing them whole or not at all."""
