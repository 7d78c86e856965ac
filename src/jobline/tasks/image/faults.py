"""What can be wrong with an image: the errors that clients see, and the libraries' exceptions behind them."""

from __future__ import annotations

import errno
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


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn a library's exception while it reads an image into ``image.corrupt`` or ``image.too_large``.

    An error of the disk passes unchanged, because another attempt may succeed.
    """
    from PIL import Image

    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise too_large(f"The image has more pixels than {Image.MAX_IMAGE_PIXELS:,}, the limit.") from error
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in ERRNO_OF_DAMAGE:
            raise
        detail = str(error) or type(error).__name__
        raise TaskError("image.corrupt", f"The image cannot be {what}: {detail[:200]}") from error


def too_large(message: str) -> TaskError:
    """Return the error for a source beyond the limits."""
    return TaskError("image.too_large", message)


def unsupported(message: str) -> TaskError:
    """Return the error for a file that is not an image of a supported format."""
    return TaskError("image.unsupported_format", message)
