"""Following requests for what is on the screen."""
