"""A small API server over loopback, for what no real one does on demand: faults and new shapes."""
