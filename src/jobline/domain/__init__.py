"""The nouns and rules of Jobline: pydantic and the standard library only; no I/O."""
