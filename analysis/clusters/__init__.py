"""Task clusters in hidden states: the analysis, its instances, its tables and its runs."""
