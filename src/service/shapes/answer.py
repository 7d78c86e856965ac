"""The base of the response models.

Response models serve the OpenAPI document and the SDKs. `jobline.service.answers.content` builds the
responses themselves, so that a stored result is not parsed only to be written again; a test holds the two
together.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """The base of every response model: all keys are present, null where there is no value."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)
