"""The models of the HTTP contract, and the OpenAPI document made of them."""
