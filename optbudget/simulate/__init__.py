"""Acting over a population, trial by trial: what policies are worth and spend, beside the bound."""

__all__: list[str] = []
