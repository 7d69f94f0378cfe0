"""Many pieces of work: progress, limits, cancellation and checkpoints. Knows no mathematics."""

from optbudget.workers.monitor import Monitor

__all__ = ["Monitor"]
