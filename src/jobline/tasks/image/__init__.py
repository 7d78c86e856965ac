"""Shrink, crop, turn and convert images with Pillow, which is imported inside functions only.

``order`` has the models, ``process`` and ``thumbnail`` the tasks, ``making`` what they share. An image goes
through ``source`` (open, check, decode), ``colour`` (eight bits, RGB or grey), ``ops`` (with the arithmetic
in ``geometry``) and ``output``. ``faults`` has the errors, ``limits`` the settings.
"""

from jobline.tasks.image.process import process
from jobline.tasks.image.thumbnail import thumbnail

__all__ = ["process", "thumbnail"]
