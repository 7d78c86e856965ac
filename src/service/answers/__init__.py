"""Responses: problems, JSON, entity tags and the bytes of files."""
