"""The models of batches. The request is created at run time: its jobs are a union told apart by ``task``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Union

from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import TypeAliasType

from jobline.service.shapes.answer import Answer
from jobline.service.shapes.jobs import MAX_TAGS, SubmitOptions, Tag

MAX_BATCH = 1000


class BatchOptions(BaseModel):
    """The optional fields of a batch, beside its jobs."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    tags: Annotated[
        list[Tag], Field(max_length=MAX_TAGS, description="Labels of the batch and of each of its jobs.")
    ] = Field(default_factory=list)


class BatchCounts(Answer):
    """The number of jobs of a batch in each state."""

    PENDING: Annotated[int, Field(description="Jobs that are queued or scheduled.")]
    STARTED: Annotated[int, Field(description="Jobs that are running.")]
    RETRY: Annotated[int, Field(description="Jobs that wait for their next attempt.")]
    SUCCESS: Annotated[int, Field(description="Jobs that succeeded.")]
    FAILURE: Annotated[int, Field(description="Jobs that failed.")]
    REVOKED: Annotated[int, Field(description="Jobs that were cancelled or expired before they started.")]


class BatchLinks(Answer):
    """Links to related resources."""

    jobs: Annotated[str, Field(description="Path of the list of the batch's jobs.")]


class Batch(Answer):
    """Jobs that were submitted together."""

    id: Annotated[str, Field(description="Batch ID, a UUIDv7: IDs sort by time of creation.")]
    tags: Annotated[list[str], Field(description="Labels of the batch.")]
    total: Annotated[int, Field(description="Number of jobs in the batch.")]
    counts: Annotated[BatchCounts, Field(description="Number of jobs by state.")]
    done: Annotated[bool, Field(description="Whether every job is in a final state.")]
    created_at: Annotated[datetime, Field(description="When the batch was accepted.")]
    links: Annotated[BatchLinks, Field(description="Links to related resources.")]


def make_batch_request(jobs: Sequence[type[SubmitOptions]]) -> type[BatchOptions]:
    """Create the model of a batch request from the models of its jobs, one a task."""
    item: Any = SubmitOptions  # Any: a type form, created at run time
    if len(jobs) == 1:
        item = jobs[0]
    elif jobs:
        item = make_union(tuple(jobs))
    # Any: this type exists at run time only
    items: Any = Annotated[
        list[item],
        Field(min_length=1, max_length=MAX_BATCH, description=f"The jobs, up to {MAX_BATCH:,}."),
    ]
    return create_model(
        "SubmitBatch",
        __base__=BatchOptions,
        __doc__="A batch of jobs: either all of them are accepted, or none.",
        jobs=(items, ...),
    )


def make_union(members: tuple[type[SubmitOptions], ...]) -> Any:  # noqa: ANN401 - a type form, created at run time
    """Return the named union of all jobs that a batch may hold."""
    return TypeAliasType("BatchJob", Annotated[Union[members], Field(discriminator="task")])  # noqa: UP007 - of a tuple
