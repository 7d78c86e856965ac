"""Shrink, crop, turn and convert images with Pillow, which is imported inside functions only.

``order`` has the contract, ``process`` and ``thumbnail`` the tasks, ``making`` what they share. An image
passes ``source`` (open, check, decode), ``colour`` (eight bits, RGB or grey), ``ops`` (its arithmetic is in
``geometry``) and ``output``.
"""

from jobline.tasks.image.process import process
from jobline.tasks.image.thumbnail import thumbnail

__all__ = ["process", "thumbnail"]
