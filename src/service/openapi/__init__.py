"""The OpenAPI document: what FastAPI writes, corrected and completed for readers and for SDK generators."""
