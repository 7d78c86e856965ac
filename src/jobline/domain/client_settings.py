"""The settings of the command line as a client of the API; no server reads them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobline.domain.environment import PREFIX


class ClientSettings(BaseSettings):
    """Where the API is, and with which key it is called; frozen."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=None, frozen=True, extra="ignore", env_ignore_empty=True
    )

    url: Annotated[
        str, Field(description="The base URL of the API for the commands that use it, like `jobline submit`.")
    ] = "http://127.0.0.1:8000"
    api_key: Annotated[
        SecretStr | None,
        Field(
            description="The access key that these commands send, if the API asks for one. It is no option, "
            "as other users of a machine can read the options of a program."
        ),
    ] = None
