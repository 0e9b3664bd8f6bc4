"""Following requests on behalf of what is on the screen."""
