"""Everything around the views: header, keys, palette; and the base classes of views."""
