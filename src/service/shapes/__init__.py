"""The models of requests and responses, for validation and the OpenAPI document. No I/O and no rules."""
