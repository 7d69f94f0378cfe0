"""Problems and answers to and from disk."""

from optbudget.files.model_folder import DataWarning, load_model, model_hash, read_model

__all__ = ["DataWarning", "load_model", "model_hash", "read_model"]
