"""What the app does for terminals beyond what Textual does."""
