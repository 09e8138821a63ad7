"""Where state lives: one folder per user, or the one that `MULTIVM_HOME` names.

HOME/keys/                      key pairs we generated, 0600
HOME/deployments/NAME/          plan.toml, deployment.json, host_keys.json of one deployment
HOME/runs/NAME/RUN/             a run's request, events and log, without secrets; they outlive the deployment
HOME/durations.json             how long operations took on each cloud, by kind and size; may be removed at any time
HOME/prices/CLOUD/REGION.json   retail prices that were asked for; may be removed at any time
HOME/last                       the name of the deployment last worked on
HOME/sandbox/                   the sandbox's state, certificates, client secret and request log
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def home() -> Path:
    """The state folder; made (0700) when it is missing."""
    if named := os.environ.get("MULTIVM_HOME"):
        folder = Path(named).expanduser().absolute()
    else:
        import platformdirs

        folder = Path(platformdirs.user_state_dir("multivm-wizard", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def write_atomically(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace `path` in one step: a reader, or a crash, sees the old content or the new, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = data.encode() if isinstance(data, str) else data
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
