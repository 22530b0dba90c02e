"""Which verbs, in which order."""
