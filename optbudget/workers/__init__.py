"""Many pieces of work: progress, limits, cancellation and checkpoints. Knows no mathematics."""

from optbudget.workers.checkpoint import Checkpoint
from optbudget.workers.monitor import Monitor

__all__ = ["Checkpoint", "Monitor"]
