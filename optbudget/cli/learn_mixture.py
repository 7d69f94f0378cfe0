"""`optbudget learn --components K`: a mixture of chains, a unit type per component."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from optbudget.cli.learn_steps import Learning

if TYPE_CHECKING:
    from optbudget.learn import EventBatch, HistoryCounts, LearnedMixture, MixtureScore, UnitHistories
    from optbudget.report.tables import Grid
    from optbudget.workers import Monitor

DEFAULT_ORDER = 3
"""Longest history that components tell apart where no order is named; the paper's mixture has this one."""


@dataclass(eq=False)
class MixtureLearning(Learning):
    """A mixture that is being learned, in one step.

    Attributes
    ----------
    components : asked for; with held-out units the most
    seed : of the starts
    scores : of 1, 2, ... components, if units are held out
    """

    components: int = 2
    seed: int = 0
    scores: "list[MixtureScore]" = field(default_factory=list)
    histories: "UnitHistories | None" = None
    mixture: "LearnedMixture | None" = None

    def _counted(self, batches: "Iterable[EventBatch]", monitor: "Monitor") -> "HistoryCounts":
        from optbudget import learn

        rule = self.rule
        self.histories = learn.unit_histories(
            batches, order=rule.order, rows=rule.rows, held_out=rule.held_out,
            missing_as_zero=self.log.reading.missing_as_zero, monitor=monitor,
        )  # fmt: skip
        self.monitor = monitor
        return self.histories.counts

    def _write(self, counts: "HistoryCounts") -> None:
        from optbudget import learn
        from optbudget.files.learned_models import save_learned
        from optbudget.learn import standing

        assert self.histories is not None
        components = self.components
        if counts.rule.held_out:
            self.scores = learn.mixture_scores(
                self.histories, self.options, components, seed=self.seed, monitor=self.monitor
            )
            components = learn.best_score(self.scores).components
        if components == 1:
            self.components = 1
            self.learned = learn.learn_model(counts, self.options)
            save_learned(
                self.learned, self.out, options=asdict(self.options), positions=self.positions,
                population=standing(self.learned),
            )  # fmt: skip
            return
        mixture = learn.learn_mixture(
            self.histories, self.options, components, seed=self.seed, monitor=self.monitor
        )
        options = {**asdict(self.options), "components": self.components, "seed": self.seed}
        save_learned(
            mixture, self.out, options=options, score=self.as_dict(mixture),
            members=(mixture.memberships(), mixture.population_table()),
        )  # fmt: skip
        self.learned = self.mixture = mixture

    def as_dict(self, mixture: "LearnedMixture | None") -> dict[str, Any]:
        """What is said of the mixture in JSON."""
        found: dict[str, Any] = {
            "asked": self.components,
            "components": 1,
            "held_out": [asdict(score) for score in self.scores],
        }
        if mixture is None:
            return found
        fitted = mixture.mixture
        return found | {
            "components": fitted.components,
            "seed": self.seed,
            "weights": dict(zip(mixture.types, fitted.weight.tolist(), strict=True)),
            "certainty": fitted.certainty,
            "log_likelihood": fitted.log_likelihood,
            "steps": len(fitted.trace),
            "stop": fitted.stop,
            "starts": list(fitted.starts),
            "missing_actions": [{"type": kind, "action": action} for kind, action in mixture.missing],
        }

    def warnings(self) -> list[str]:
        """What is to be known before the types are used."""
        if self.mixture is None:
            said = "one component predicts the units held out best; the model has no types"
            return [said] if self.scores else []
        found, fitted = [], self.mixture.mixture
        if fitted.components < fitted.asked:
            found.append(
                f"{fitted.asked - fitted.components} components had less than one unit and were dropped"
            )
        if fitted.certainty < 0.5 + 0.5 / fitted.components:
            found.append(
                f"units are of their likeliest type with probability {fitted.certainty:.2f} on average: the "
                "log hardly tells the types apart"
            )
        if fitted.stop != "converged":
            found.append(f"EM was stopped after {len(fitted.trace)} steps, before it came to rest")
        for kind, action in self.mixture.missing:
            found.append(f"{kind} hardly ever had {action!r} in the log: it is no action of that type")
        return found

    def grids(self) -> "list[Grid]":
        """The components, or what each number of them is worth on units held out."""
        from optbudget.report.learned_tables import mixture_grid

        shown = self.mixture is not None or self.scores
        return [mixture_grid(self.as_dict(self.mixture))] if shown else []
