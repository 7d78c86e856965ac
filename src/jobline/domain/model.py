"""The base of the models of tasks; no rules and no I/O.

A task may use any pydantic model. This one refuses the most frequent mistakes of clients: an unknown field,
and a number that JSON cannot express.
"""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An input or a result whose fields are fixed: no unknown ones, no NaN, no change after creation."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )
