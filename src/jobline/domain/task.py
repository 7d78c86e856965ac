"""Tasks: what can be done. ``@task`` reads a function's types and returns a frozen, still callable Task.

A Task does not depend on an app, a broker or a server: `jobline.worker.app.build_celery` and
`jobline.service.app.build_app` read it. A function imports its heavy libraries itself, so that the service
can read the task without loading them.
"""

import inspect
import re
import typing
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import Any, Generic, Protocol, overload

from pydantic import BaseModel, TypeAdapter
from pydantic_core import SchemaValidator
from typing_extensions import ParamSpec, TypeVar

from jobline.domain.context import JobContext
from jobline.domain.errors import DeclarationError
from jobline.domain.file_id import FileReferences
from jobline.domain.retry import NO_RETRY, RetryPolicy
from jobline.domain.strictness import make_strict_validator
from jobline.domain.visibility import hides_input

Input = TypeVar("Input", bound=BaseModel)
Result = TypeVar("Result", bound=BaseModel)
#: The parameters and the return type of the function itself; ``Task[Input, Result]`` leaves both open.
Parameters = ParamSpec("Parameters", default=...)
Returned = TypeVar("Returned", default=Any)

NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
QUEUE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
MAX_ATTEMPTS = 100
MAX_TIMEOUT_S = 7 * 86_400


@dataclass(frozen=True)
class Task(Generic[Input, Result, Parameters, Returned]):
    """One declared function, with everything that the service and the worker must know of it.

    ``Task[Thumbnail, ThumbnailMade]`` is any task of these models. A call has the types of the function: of
    an ``async def`` it returns a coroutine.
    """

    name: str
    function: Callable[Parameters, Returned]
    input: type[Input]
    result: type[Result]
    takes_context: bool
    is_async: bool
    summary: str
    description: str
    queue: str = "default"
    max_attempts: int = 3
    timeout_s: float = 3600.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    extra: str | None = None
    requires: tuple[str, ...] = ()
    max_running: int | None = None

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        """Call the function itself, in this process, without a queue."""
        return self.function(*args, **kwargs)

    def read_input(self, text: str | bytes, references: FileReferences | None = None) -> Input:
        """Validate the input of a client; raises pydantic's ValidationError."""
        order: Input = self.input_validator.validate_json(text, context=references)
        return order

    def read_stored_input(self, text: str | bytes, references: FileReferences | None = None) -> Input:
        """Validate an input once more, by the same rules, in an attempt; raises ValidationError.

        Only the clock is left out: a time that lay in the future at submit (`FutureDatetime`) may have
        passed.
        """
        order: Input = self.stored_input_validator.validate_json(text, context=references)
        return order

    def show_input(self, text: bytes) -> bytes:
        """Return a stored input as people may read it: as it was sent, or with its secrets masked.

        A model that hides something shows its own dump; ``null`` if the input does not fit it any more.
        """
        if not self.hides_input:
            return text
        try:
            return self.input_adapter.dump_json(self.read_stored_input(text), by_alias=True, warnings=False)
        except (ValueError, TypeError):  # a ValidationError is a ValueError
            return b"null"

    @property
    def family(self) -> str:
        """The part of the name before the first dot; it groups tasks."""
        return self.name.partition(".")[0]

    @property
    def slug(self) -> str:
        """The name as one snake_case word, for operation ids and classes of SDKs."""
        return self.name.replace(".", "_")

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The required packages that are not installed; found without an import."""
        return tuple(name for name in self.requires if find_spec(name) is None)

    @cached_property
    def hides_input(self) -> bool:
        """Whether the input may hold what people must not see, such as a `SecretStr`."""
        return hides_input(self.input)

    @cached_property
    def input_adapter(self) -> TypeAdapter[Input]:
        """What reads and writes an input as its model declares it."""
        return TypeAdapter(self.input)

    @cached_property
    def input_validator(self) -> SchemaValidator:
        """What validates an input as strictly as its JSON Schema says."""
        return make_strict_validator(self.input)

    @cached_property
    def stored_input_validator(self) -> SchemaValidator:
        """What validates an input that was valid when it was submitted."""
        return make_strict_validator(self.input, at_any_time=True)

    @cached_property
    def result_adapter(self) -> TypeAdapter[Result]:
        """What validates and writes a result."""
        return TypeAdapter(self.result)


class TaskDecorator(Protocol):
    """The decorator that ``task(…)`` returns, typed for the four forms of a task's function."""

    @overload
    def __call__(
        self, function: Callable[[Input, JobContext], Result], /
    ) -> Task[Input, Result, [Input, JobContext], Result]: ...

    @overload
    def __call__(self, function: Callable[[Input], Result], /) -> Task[Input, Result, [Input], Result]: ...

    @overload
    def __call__(
        self, function: Callable[[Input, JobContext], Coroutine[Any, Any, Result]], /
    ) -> Task[Input, Result, [Input, JobContext], Coroutine[Any, Any, Result]]: ...

    @overload
    def __call__(
        self, function: Callable[[Input], Coroutine[Any, Any, Result]], /
    ) -> Task[Input, Result, [Input], Coroutine[Any, Any, Result]]: ...


def task(
    name: str,
    *,
    queue: str = "default",
    max_attempts: int = 3,
    timeout_s: float = 3600.0,
    retry: RetryPolicy | bool = True,
    extra: str | None = None,
    requires: tuple[str, ...] = (),
    max_running: int | None = None,
) -> TaskDecorator:
    """Declare a function ``def f(order: Model, job: JobContext) -> Model`` (or ``async def``) as a task.

    ``name`` is ``family.verb`` in lower case. ``timeout_s`` limits one attempt. ``retry=False`` makes an
    unexpected exception final; a RetryPolicy sets the waits. ``extra`` names the optional dependency group
    and ``requires`` its import names: if one is missing, the task is not offered, and the API says what to
    install. ``max_running`` limits the jobs of the task that run at once, over all workers.

    Raises DeclarationError, which names the function, when the declaration cannot work.
    """

    def declare(function: Callable[..., Any]) -> Task[Any, Any]:
        if not inspect.isfunction(function):
            raise DeclarationError(f"@task({name!r}) must decorate a function directly, not {function!r}")
        where = f"@task({name!r}) on {function.__module__}.{function.__qualname__}"
        check_settings(where, name, queue, max_attempts, timeout_s)
        check_max_running(where, max_running)
        input_model, result_model, takes_context = read_signature(where, function)
        summary, _, rest = inspect.cleandoc(function.__doc__ or name).partition("\n")
        return Task(
            name=name,
            function=function,
            input=input_model,
            result=result_model,
            takes_context=takes_context,
            is_async=inspect.iscoroutinefunction(function),
            summary=summary.strip().rstrip("."),
            description=rest.strip(),
            queue=queue,
            max_attempts=max_attempts,
            timeout_s=float(timeout_s),
            retry=read_policy(where, retry),
            extra=extra,
            requires=tuple(requires),
            max_running=max_running,
        )

    return declare


def check_settings(where: str, name: object, queue: object, max_attempts: object, timeout_s: object) -> None:
    """Refuse settings under which no job could run."""
    if not (isinstance(name, str) and NAME.fullmatch(name)):
        raise DeclarationError(f"{where}: the name must be family.verb in lower case, like 'image.thumbnail'")
    if not (isinstance(queue, str) and QUEUE.fullmatch(queue)):
        raise DeclarationError(f"{where}: queue {queue!r} must match {QUEUE.pattern}")
    if type(max_attempts) is not int or not 1 <= max_attempts <= MAX_ATTEMPTS:
        raise DeclarationError(f"{where}: max_attempts must be 1 to {MAX_ATTEMPTS}, not {max_attempts!r}")
    if (
        isinstance(timeout_s, bool)
        or not isinstance(timeout_s, int | float)
        or not 0 < timeout_s <= MAX_TIMEOUT_S
    ):
        raise DeclarationError(f"{where}: timeout_s must be above 0 and at most 7 days, not {timeout_s!r}")


def check_max_running(where: str, max_running: object) -> None:
    """Refuse a limit under which no job could run."""
    if max_running is not None and (type(max_running) is not int or max_running < 1):
        raise DeclarationError(f"{where}: max_running must be None, or 1 or more, not {max_running!r}")


def read_policy(where: str, retry: object) -> RetryPolicy:
    """Return the policy that ``retry=`` stands for."""
    if isinstance(retry, RetryPolicy):
        return retry
    if retry is True:
        return RetryPolicy()
    if retry is False:
        return NO_RETRY
    raise DeclarationError(f"{where}: retry must be True, False or a RetryPolicy, not {retry!r}")


def read_signature(where: str, function: Callable[..., Any]) -> tuple[type[BaseModel], type[BaseModel], bool]:
    """Return the models of input and result, and whether the function takes the context."""
    try:
        hints = typing.get_type_hints(function)
    except Exception as error:  # whatever an annotation raises while it is evaluated
        raise DeclarationError(f"{where}: its annotations cannot be read: {error}") from error
    parameters = inspect.signature(function).parameters
    names = list(parameters)
    if len(names) not in {1, 2} or any(one.kind not in BY_POSITION for one in parameters.values()):
        raise DeclarationError(f"{where}: it must take (order: Model) or (order: Model, job: JobContext)")
    order = hints.get(names[0])
    if not is_model(order):
        raise DeclarationError(f"{where}: parameter {names[0]!r} must be annotated with a pydantic model")
    if len(names) == 2 and hints.get(names[1]) is not JobContext:  # noqa: PLR2004 - the two forms above
        raise DeclarationError(f"{where}: parameter {names[1]!r} must be annotated with JobContext")
    result = hints.get("return")
    if not is_model(result):
        raise DeclarationError(f"{where}: its result must be annotated with a pydantic model")
    return order, result, len(names) == 2  # noqa: PLR2004


def is_model(annotation: object) -> typing.TypeGuard[type[BaseModel]]:
    """Return whether an annotation is a pydantic model class."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
