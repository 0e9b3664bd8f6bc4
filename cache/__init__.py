"""The on-disk result cache: keys, fingerprints and a store that never reads or writes pickles."""
