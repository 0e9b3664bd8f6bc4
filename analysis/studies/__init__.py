"""Dataset-level statistics: one file for each table or figure group of the paper."""
