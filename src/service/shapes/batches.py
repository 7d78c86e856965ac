"""The shapes of batches. The request is made at run time: its jobs are a union, told apart by ``task``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Union

from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypeAliasType

from jobline.service.shapes.answers import MAX_TAGS, Answer, SubmitOptions, Tag

MAX_BATCH = 1000


class BatchOptions(BaseModel):
    """Hold what every batch may say beside its jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tags: Annotated[
        list[Tag], Field(max_length=MAX_TAGS, description="Words for the batch and for each of its jobs.")
    ] = Field(default_factory=list)


class BatchCounts(Answer):
    """Count the jobs of a batch by their state."""

    PENDING: int
    STARTED: int
    RETRY: int
    SUCCESS: int
    FAILURE: int
    REVOKED: int


class BatchLinks(Answer):
    """Lead to what belongs to a batch."""

    jobs: Annotated[str, Field(description="The list of its jobs.")]


class Batch(Answer):
    """Hold a batch: jobs that came together."""

    id: Annotated[str, Field(description="A UUID, rising with time.")]
    tags: list[str]
    total: int
    counts: BatchCounts
    done: Annotated[bool, Field(description="Whether every job has ended.")]
    created_at: datetime
    links: BatchLinks


def make_batch_request(jobs: Sequence[type[SubmitOptions]]) -> type[BatchOptions]:
    """Create the request of a batch from the models of its jobs."""
    one: Any = SubmitOptions  # Any: a type form, made at run time
    if len(jobs) == 1:
        one = jobs[0]
    elif jobs:
        one = unite_orders(tuple(jobs))
    # Any: this type exists at run time only
    listed: Any = Annotated[list[one], Field(min_length=1, max_length=MAX_BATCH)]
    return create_model(
        "SubmitBatch", __base__=BatchOptions, __doc__="Ask for many jobs, all or none.", jobs=(listed, ...)
    )


def unite_orders(members: tuple[type[SubmitOptions], ...]) -> Any:  # noqa: ANN401 - a type form, made at run time
    """Name the union of what a batch may hold."""
    return TypeAliasType("BatchJob", Annotated[Union[members], Field(discriminator="task")])  # noqa: UP007 - of a tuple
