"""The routes, a module for each noun. Each exports ``routes(resources)``; `jobline.service.app` lists them.

A route reads the request and writes the response; the rules are elsewhere. It declares the scope that it
needs in its ``openapi_extra`` (`jobline.service.guards.scopes`).
"""
