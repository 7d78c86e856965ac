"""The base of every model that crosses Jobline's edge; no rules and no I/O.

A task may use any pydantic model, but this one refuses what a client most often gets wrong: an unknown field,
and a number that JSON cannot write.
"""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Give a task's input or result strict, immutable fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )
