"""Results on disk: keys, fingerprints and a store that neither writes nor reads pickles."""
