"""What `optbudget learn` does in one step: count rows, make the model, write both with the position.

A model is written once, or with --follow whenever all that was new in a folder or table is counted.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optbudget.errors import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

    from optbudget.files.event_sources import Portion, Position
    from optbudget.files.events import EventLog
    from optbudget.learn import EventBatch, HistoryCounts, LearnedMixture, LearnedModel, ModelOptions, Score
    from optbudget.problems.history_counts import CountingRule
    from optbudget.workers import Monitor


@dataclass(eq=False)
class Learning:
    """A model that is being learned, or added to.

    Attributes
    ----------
    out : where it is written
    log : where its events come from
    rule : how they are counted
    options : how the model is made; with held-out units, of the longest order
    counts : what is counted so far, None before the first rows
    positions : by source, how far it is counted
    learned, score : the model written last, and its score if units are held out
    unmade : why there is no model of what was followed so far
    monitor : of the work at hand
    tell : takes lines for whoever watches
    """

    out: Path
    log: "EventLog"
    rule: "CountingRule"
    options: "ModelOptions"
    counts: "HistoryCounts | None" = None
    positions: dict[str, Any] = field(default_factory=dict)
    learned: "LearnedModel | LearnedMixture | None" = None
    score: "Score | None" = None
    unmade: ProblemError | None = None
    monitor: "Monitor | None" = None
    tell: "Callable[[str], None]" = print

    @property
    def position(self) -> "Position | None":
        """How far the log is counted; None if none of it is."""
        return self.positions.get(self.log.source.identity)

    def once(self, monitor: "Monitor") -> None:
        """Count all that is new in the log, and write the model."""
        self.monitor = monitor
        counts = self._counted(self.log.batches(self.position), monitor)
        if self.log.tally.position is not None and self.log.source.followable:
            self.positions[self.log.source.identity] = dict(self.log.tally.position)
        self._write(counts)

    def follow(
        self, monitor: "Monitor", tell: "Callable[[str], None]", *, every: float, until_idle: float | None
    ) -> None:
        """Write the model whenever what was new is counted, until it is interrupted or idle.

        A first step that does not make a model yet, because an action has not occurred, is counted and waits
        for the next: before there is a model nothing is written, so nothing can be counted twice.

        Raises
        ------
        ProblemError
            For what is wrong in a step; and if in the end there was no model to be made.
        """
        from optbudget.learn.following import follow

        self.monitor, self.tell = monitor, tell
        follow(self.log, self.position, self, every=every, until_idle=until_idle, monitor=monitor)
        if self.unmade is not None:
            raise self.unmade
        if self.learned is None and self.counts is not None:
            self.score, self.learned = self._made(self.counts)

    def count(self, portion: "Portion") -> "Position":
        """Add the rows of a step; the position after it."""
        assert self.monitor is not None
        counts = self._counted(portion.batches, self.monitor)
        position = portion.position()
        self.counts, self.positions[self.log.source.identity] = counts, dict(position)
        self.tell(f"{portion.name} is counted: {counts.events:,} events")
        return position

    def keep(self) -> None:
        """Write the model of what is counted, with the position; say so if there is none to be made yet."""
        assert self.counts is not None
        self.unmade = None
        try:
            self._write(self.counts)
        except ProblemError as error:
            if self.learned is not None or (self.out / "learned.json").is_file():
                raise
            self.unmade = error
            self.tell(f"no model yet: {error}")

    def _counted(self, batches: "Iterable[EventBatch]", monitor: "Monitor") -> "HistoryCounts":
        from optbudget import learn

        as_zero = self.log.reading.missing_as_zero
        if self.counts is not None:
            return learn.update(self.counts, batches, missing_as_zero=as_zero, monitor=monitor)
        return learn.count_histories(
            batches, order=self.rule.order, rows=self.rule.rows, held_out=self.rule.held_out,
            missing_as_zero=as_zero, monitor=monitor,
        )  # fmt: skip

    def _write(self, counts: "HistoryCounts") -> None:
        from optbudget.files.learned_models import save_learned
        from optbudget.learn import standing

        score, learned = self._made(counts)
        save_learned(
            learned, self.out, options=asdict(self.options), score=None if score is None else as_dict(score),
            positions=self.positions, population=standing(learned),
        )  # fmt: skip
        self.counts, self.learned, self.score = counts, learned, score

    def _made(self, counts: "HistoryCounts") -> "tuple[Score | None, LearnedModel]":
        from optbudget import learn

        score = self._scored(counts)
        options = self.options if score is None else replace(self.options, order=score.best)
        return score, learn.learn_model(counts, options, monitor=self.monitor)

    def _scored(self, counts: "HistoryCounts") -> "Score | None":
        """The score of every order up to the one asked for on the units held out; None without any."""
        from optbudget import learn

        if not counts.rule.held_out:
            return None
        kept, held = learn.tables_of(counts, cut_off=self.options.cut_off)
        tree = learn.context_tree(
            kept, counts.names, counts.packing, order=self.options.order,
            min_count=self.options.min_count, prune_ratio=self.options.prune_ratio,
            monitor=self.monitor,
        )  # fmt: skip
        return learn.held_out_score(tree, held, counts.packing, smoothing=self.options.smoothing)


def as_dict(score: "Score") -> dict[str, object]:
    """A score for JSON."""
    return {
        "best_order": score.best,
        "events": score.events,
        "log_likelihood": float(score.log_likelihood[score.best]),
        "orders": score.table(),
        "calibration": score.calibration(),
        "miscalibration": score.miscalibration,
    }
