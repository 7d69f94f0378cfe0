"""Whole decisions made of routes: chances, arrivals, uncertain models, several limits, explanations."""

__all__: list[str] = []
