"""Flow control that reads nothing on while requests wait behind another on their connection.

uvicorn 0.54 resumes reading whenever a request asks for its body or is answered, although its pipeline still
holds requests: one client that sends requests and never reads grew the process to 2.3 GB.
``tests/service/server/test_uvicorn.py`` fails when uvicorn mends this; then delete this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class BoundedFlow(FlowControl):
    """uvicorn's flow control, except that a pipeline which holds requests keeps reading paused."""

    def __init__(self, transport: asyncio.Transport, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        """Resume reading, unless requests wait: all of the current one has then arrived."""
        if not self._pipeline:
            super().resume_reading()
