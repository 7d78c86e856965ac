"""Routes by their nouns, one module each: headers and paths in, answers out; the rules stand elsewhere."""
