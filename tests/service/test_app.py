from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from fastapi import FastAPI

import jobline
from jobline.service import app as application
from jobline.service import routes

#: What the modules of routes share; they declare none.
SHARED = {"direct", "parameters"}


def test_every_module_of_routes_is_in_the_table_of_contents() -> None:
    modules = {import_module(f"{routes.__name__}.{one.name}") for one in iter_modules(routes.__path__)}
    shared = {import_module(f"{routes.__name__}.{name}") for name in SHARED}

    assert set(application.ROUTES) == modules - shared
    assert not [module for module in shared if hasattr(module, "routes")]


def test_version_of_the_document_is_that_of_the_package(app: FastAPI) -> None:
    assert app.openapi()["info"]["version"] == jobline.__version__
