"""The headless commands: one file each, imported only when that command runs."""
