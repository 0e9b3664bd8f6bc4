"""The ways to importance, forward, backward and by leaving out; needs torch."""
