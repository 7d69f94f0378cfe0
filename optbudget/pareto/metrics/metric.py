"""What a metric is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A number by which plans are compared.

    Attributes
    ----------
    name : as tables head it
    definition : one sentence
    unit : of the number
    source : where the definition is from
    more_is_better : or else less is
    """

    name: str
    definition: str
    unit: str
    source: str
    more_is_better: bool
