"""How settings are read from variables ``JOBLINE_…``, and how a task family declares settings of its own.

Values come from the environment alone; `jobline.startup` puts a ``.env`` into it first. A wrong value is a
SettingsError that names the variable, and never shows the value, which may be a secret.
"""

from __future__ import annotations

from typing import Self, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobline.domain.errors import SettingsError

PREFIX = "JOBLINE_"

Model = TypeVar("Model", bound=BaseSettings)


class FamilySettings(BaseSettings):
    """The settings of one task family; declare them with ``env_prefix="JOBLINE_<FAMILY>_"``.

    They are frozen, and checked when the family's tasks are loaded. The registry finds them in the modules of
    the family, and `jobline settings` shows them.
    """

    model_config = SettingsConfigDict(env_file=None, frozen=True, extra="ignore", env_ignore_empty=True)

    @classmethod
    def read(cls) -> Self:
        """Read the environment; raises SettingsError with one line for each wrong variable."""
        return read(cls)


def read(model: type[Model]) -> Model:
    """Read one model from the environment; raises SettingsError with one line for each wrong variable."""
    try:
        return model()
    except ValidationError as error:
        lines = []
        for part in error.errors(include_input=False):
            name = f"{variable(model, str(part['loc'][0]))}: " if part["loc"] else ""
            lines.append(name + part["msg"].removeprefix("Value error, "))
        raise SettingsError("; ".join(lines)) from None


def variable(model: type[BaseSettings], field: str) -> str:
    """Return the name of the environment variable of a setting."""
    return f"{model.model_config['env_prefix']}{field}".upper()
