"""HTTP load whose figures can be trusted: `run` sends it, `expect` judges it."""

from wizard.verify.load.engine import run
from wizard.verify.load.tally import LoadResult

__all__ = ["LoadResult", "run"]
