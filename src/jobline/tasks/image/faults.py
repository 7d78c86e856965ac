"""What can be wrong with an image: the errors that clients see, and the libraries' exceptions behind them."""

from __future__ import annotations

import errno
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from jobline import TaskError

#: The exceptions of Pillow and its codecs for damaged bytes. Each was seen with a real or a fuzzed file.
DAMAGED = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)
#: Damaged bytes can cause a seek to an invalid offset (EINVAL); any other errno is a fault of the disk.
ERRNO_OF_DAMAGE = frozenset({None, errno.EINVAL})


#: What Pillow says of a valid file that it cannot read.
UNREADABLE = re.compile(
    r"unsupported|not supported|unknown (?:pixel|raw)? ?mode|unavailable|cannot handle|not configured",
    re.IGNORECASE,
)
#: What Pillow says of text in a PNG that would take too much memory.
TOO_MUCH_TEXT = "MAX_TEXT"


@contextmanager
def reading(kind: str | None) -> Iterator[None]:
    """Turn a library's exception while it reads an image of a format into an error of this family.

    The library's words stay out of it; they are the error's cause, for the log. An error of the disk passes
    unchanged, because another attempt may succeed.
    """
    from PIL import Image

    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise too_large(f"The image has more pixels than {Image.MAX_IMAGE_PIXELS:,}, the limit.") from error
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in ERRNO_OF_DAMAGE:
            raise
        raise explain(error, kind) from error


def explain(error: BaseException, kind: str | None) -> TaskError:
    """Return the error for what a library said: too large, of a variant that is not read, or damaged."""
    text = str(error)
    if TOO_MUCH_TEXT in text:
        return too_large("The image holds more text than is read.")
    if UNREADABLE.search(text):
        return unsupported_variant(kind)
    return corrupt()


def corrupt() -> TaskError:
    """Return the error for damaged bytes."""
    return TaskError("image.corrupt", "The image is damaged or incomplete: it cannot be decoded.")


def unsupported_variant(kind: str | None) -> TaskError:
    """Return the error for a valid image of a supported format, in a variant that is not read."""
    return unsupported(
        f"This variant of {kind or 'the format'} is not supported: save the image as PNG or JPEG."
    )


def too_large(message: str) -> TaskError:
    """Return the error for a source beyond the limits."""
    return TaskError("image.too_large", message)


def unsupported(message: str) -> TaskError:
    """Return the error for a file that is not an image of a supported format."""
    return TaskError("image.unsupported_format", message)
