"""What can be wrong with an image, as the errors that clients see; the allow-list of what libraries raise."""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from jobline import TaskError

#: What Pillow and its codecs raise for damaged bytes. Each was seen with a real or a fuzzed file.
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
#: A seek to a place that the damaged bytes name ends so; any other number is the disk's own trouble.
BYTES_AT_FAULT = frozenset({None, errno.EINVAL})


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what a library raises while it reads an image into ``image.corrupt`` or ``image.too_large``.

    A trouble of the disk is passed on as it is: another attempt may succeed.
    """
    from PIL import Image

    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise too_large(f"The image has more pixels than {Image.MAX_IMAGE_PIXELS:,}, the limit.") from error
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in BYTES_AT_FAULT:
            raise
        detail = str(error) or type(error).__name__
        raise TaskError("image.corrupt", f"The image cannot be {what}: {detail[:200]}") from error


def too_large(message: str) -> TaskError:
    """Refuse a source beyond the limits."""
    return TaskError("image.too_large", message)


def unsupported(message: str) -> TaskError:
    """Refuse what is no image, or none of a kind that is read here."""
    return TaskError("image.unsupported_format", message)
