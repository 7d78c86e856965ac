"""The pages for people, as files: the API documentation and the explanations of errors.

They load their scripts and styles from this server alone, so a strict Content-Security-Policy can apply.
"""

from functools import cache
from html import escape
from importlib.resources import files
from string import Template

__all__ = ["fill", "read"]


@cache
def read(path: str) -> str:
    """Return a file of this package."""
    return files(__name__).joinpath(*path.split("/")).read_text("utf-8")


def fill(path: str, **values: object) -> str:
    """Return a page with its ``$names`` replaced by the values, which are escaped."""
    return Template(read(path)).substitute({name: escape(str(value)) for name, value in values.items()})
