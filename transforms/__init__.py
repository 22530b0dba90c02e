"""The verbs of models, lifted to PCollections."""
