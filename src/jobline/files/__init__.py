"""Bytes: uploads, artifacts and the working directory of one attempt.

The owner, the name and the expiry of a file are in the ledger. Neither Redis nor HTTP may enter.
"""

from jobline.files.folder import check_data_dir
from jobline.files.names import artifact_id, check_artifact_name, check_name, new_file_id
from jobline.files.store import FileStore, Stored
from jobline.files.workspace import Workspace, check_written, sweep_workspaces

__all__ = [
    "FileStore",
    "Stored",
    "Workspace",
    "artifact_id",
    "check_artifact_name",
    "check_data_dir",
    "check_name",
    "check_written",
    "new_file_id",
    "sweep_workspaces",
]
