"""The Concepts view: the components of feed-forward layers."""
