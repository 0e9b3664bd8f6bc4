"""What is around the views: header, keys, palette, and what every view is."""
