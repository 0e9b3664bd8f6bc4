"""Importance by forward mode, reverse mode and occlusion; needs torch."""
