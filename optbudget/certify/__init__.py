"""Checks of answers against the problem alone; numpy and the standard library, no solver."""

from optbudget.certify.envelope import capped_intercepts
from optbudget.certify.potentials import price_bound
from optbudget.certify.support import Support, support
from optbudget.certify.verify import verify, verify_all

__all__ = ["Support", "capped_intercepts", "price_bound", "support", "verify", "verify_all"]
