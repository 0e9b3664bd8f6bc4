"""Statistics that several studies use: tests, intervals, corrections and sizes of effects."""
