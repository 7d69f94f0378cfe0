"""Many pieces of work: here or by workers; progress, limits, checkpoints. Knows no mathematics."""

from optbudget.workers.checkpoint import Checkpoint
from optbudget.workers.crew import Crew
from optbudget.workers.monitor import Monitor
from optbudget.workers.pieces import map_pieces
from optbudget.workers.shared import Shared

__all__ = ["Checkpoint", "Crew", "Monitor", "Shared", "map_pieces"]
