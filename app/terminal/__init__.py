"""Terminal handling beyond what Textual provides."""
