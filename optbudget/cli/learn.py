"""`optbudget learn`: an event log to a model whose states are histories."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from optbudget.cli.learn_mixture import DEFAULT_ORDER as MIXTURE_ORDER
from optbudget.cli.learn_mixture import MixtureLearning
from optbudget.cli.learn_steps import Learning, as_dict
from optbudget.cli.run import Run
from optbudget.errors import Issue, ProblemError, UsageError

if TYPE_CHECKING:
    from optbudget.files.events import EventLog
    from optbudget.problems.history_counts import CountingRule, HistoryCounts

DEFAULT_ORDER = 10

MOST = 2**53
"""Largest of the whole numbers that name no smaller one."""

NUMBER = re.compile(r"[-+.0-9eE]+|[-+]?(inf|nan)")
"""What may be a number; float() takes more, such as digits of other scripts."""


def _option(metavar: str, text: str, **limits: Any) -> Any:
    return typer.Option(metavar=metavar, help=text, show_default=False, **limits)


def command(
    run: Run,
    events: Annotated[
        str,
        typer.Argument(
            metavar="EVENTS",
            show_default=False,
            help="A .csv or .parquet file of unit, time, event (value, cost), a folder of them, or a table "
            "such as sqlite:///shop.db?table=events.",
        ),
    ],
    out: Annotated[Path, _option("MODEL", "The model folder to write, or with --update to add to.")],
    order: Annotated[
        int | None,
        _option("K", "Longest history told apart, in events, 0 to 40 (10); with --held-out the most."),
    ] = None,
    actions: Annotated[
        str | None, _option("A,B,...", "Events that can be brought about; `none` is always there.")
    ] = None,
    cost: Annotated[
        str | None, _option("A=C,...", "Money that an action costs, instead of its mean cost in the log.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Add EVENTS to those MODEL was learned from.")
    ] = False,
    min_count: Annotated[
        int | None, _option("N", "How often a history must have been seen to be a state, 1 or more (10).")
    ] = None,
    smoothing: Annotated[
        float | None,
        _option("S", "Counts added as the shorter history suggests, 0 or more (0: maximum likelihood)."),
    ] = None,
    prune_ratio: Annotated[
        float | None, _option("X", "Drop histories that predict less than X nats better than shorter ones.")
    ] = None,
    in_place_of: Annotated[
        str | None, _option("E,...", "Events that an action can be taken in place of (any).")
    ] = None,
    withhold: Annotated[
        bool, typer.Option("--withhold", help="`none` is to take no action; with --update, from now on.")
    ] = False,
    as_logged: Annotated[
        bool,
        typer.Option(
            "--as-logged", help="`none` leaves it to whoever acted in the log (without --withhold)."
        ),
    ] = False,
    cut_off: Annotated[bool, typer.Option("--cut-off", help="The log stops while its units go on.")] = False,
    ended: Annotated[
        bool, typer.Option("--ended", help="A unit's last event is its end (without --cut-off).")
    ] = False,
    gap: Annotated[
        str | None, _option("G", "A longer pause ends a history: a number, or 30d and the like for dates.")
    ] = None,
    terminal: Annotated[str | None, _option("E,...", "Events that end a history.")] = None,
    conversion: Annotated[
        str | None, _option("E=V,...", "Value of events to which the log gives none.")
    ] = None,
    held_out: Annotated[
        float | None,
        _option("P", "Share of the units, below 1, kept to score every order on; the best is taken."),
    ] = None,
    duplicates: Annotated[
        Literal["refuse", "drop", "keep"] | None,
        _option("WORD", "Rows of one unit, time and event: refuse, drop or keep them (refuse)."),
    ] = None,
    drop_duplicates: Annotated[
        bool, typer.Option("--drop-duplicates", help="The same as --duplicates drop.")
    ] = False,
    known_events: Annotated[
        str | None,
        typer.Option("--events", metavar="E,...", help="Events that may occur; others are errors."),
    ] = None,
    sort: Annotated[
        bool, typer.Option("--sort", help="Put rows in the order of time; say how many.")
    ] = False,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="Take a missing value or cost as 0, and say how many.")
    ] = False,
    horizon: Annotated[int | None, _option("T", "Decisions, 1 to 10,000,000 (50).")] = None,
    discount: Annotated[float | None, _option("G", "Of rewards, above 0 and at most 1 (0.975).")] = None,
    cost_discount: Annotated[float | None, _option("G", "Of spend, above 0 and at most 1 (1).")] = None,
    reward: Annotated[
        Literal["net", "gross"] | None, _option("net|gross", "Value less cost, or value (net).")
    ] = None,
    components: Annotated[
        int | None,
        _option(
            "K",
            "A mixture of K chains, a unit type each; with --held-out the best of up to K.",
            min=1,
            max=MOST,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="S", min=0, max=MOST, help="Of the starts, with --components.")
    ] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with what is added to a folder or table, until Ctrl-C.")
    ] = False,
    follow_until_idle: Annotated[
        float | None, _option("S", "With --follow: end when nothing new came for so many seconds.", min=0.0)
    ] = None,
    poll: Annotated[
        float, typer.Option(metavar="S", min=0.01, help="Seconds between two looks, with --follow.")
    ] = 2.0,
) -> None:
    """Learn a model from an event log, or add events to one; all counts are kept beside it."""
    from optbudget import files, learn
    from optbudget.files.events import open_events
    from optbudget.files.learned_models import is_learned, load_positions

    given: dict[str, Any] = {
        "actions": None if actions is None else _names(actions, "--actions"),
        "costs": None if cost is None else _amounts(cost, "--cost"),
        "order": order, "min_count": min_count, "smoothing": smoothing, "prune_ratio": prune_ratio,
        "in_place_of": None if in_place_of is None else _names(in_place_of, "--in-place-of"),
        "withheld": _either("--withhold", withhold, "--as-logged", as_logged),
        "cut_off": _either("--cut-off", cut_off, "--ended", ended),
        "horizon": horizon, "discount": discount, "cost_discount": cost_discount, "reward": reward,
    }  # fmt: skip
    if drop_duplicates and duplicates not in (None, "drop"):
        raise UsageError(f"--drop-duplicates and --duplicates {duplicates} do not go together")
    if components is not None and (update or follow):
        raise UsageError("--components: who is of which type is seen in the whole log; learn it at once")
    if follow_until_idle is not None and not follow:
        raise UsageError("--follow-until-idle is for --follow")
    rule = {
        "gap": gap, "terminal": terminal, "conversion": conversion, "events": known_events,
        "duplicates": "drop" if drop_duplicates else duplicates, "held_out": held_out,
    }  # fmt: skip
    log = open_events(events, missing_as_zero=missing_as_zero, sort=sort, max_memory=run.max_memory)
    anew = {name: value for name, value in given.items() if value is not None}
    if follow and not update and is_learned(out):
        _require_followed(log, load_positions(out))
        update = True
    known, positions, before = _taken_up(out) if update else (None, {}, {})
    files.require_free(out, "learned")
    if known is not None:
        with _asked_for():
            _require_counted(known.rule, given["order"], rule)
        log.tally.columns, log.tally.before = known.money, known.events
    elif actions is None:
        raise UsageError("--actions is missing: name events that can be brought about, as in --actions email")
    stated = learn.ModelOptions.stated(before) if update else None
    with _asked_for():
        options = learn.ModelOptions(**anew) if stated is None else replace(stated, **anew)
    longest = DEFAULT_ORDER if components is None else MIXTURE_ORDER
    order = max(1, longest if options.order is None else options.order)
    with _asked_for():
        counting = known.rule if known else learn.CountingRule(order, _rules(rule), held_out or 0.0)
    learning = Learning(out, log, counting, options, known, positions)
    if components is not None:
        learning = MixtureLearning(out, log, counting, options, components=components, seed=seed)
    with run.working("events") as monitor:
        if follow:
            learning.follow(monitor, run.log, every=poll, until_idle=follow_until_idle)
        else:
            learning.once(monitor)
    _show(run, learning)


@contextmanager
def _asked_for() -> Iterator[None]:
    """What cannot be asked for is wrong with the command line, not with a log or a model."""
    try:
        yield
    except ProblemError as error:
        raise UsageError(str(error)) from None


def _either(one: str, asked: bool, other: str, otherwise: bool) -> bool | None:
    """Which of two opposites is asked for; None if neither is."""
    if asked and otherwise:
        raise UsageError(f"{one} and {other} are opposites: leave out one of them")
    return asked if asked or otherwise else None


def _taken_up(out: Path) -> "tuple[HistoryCounts, dict[str, Any], dict[str, object]]":
    """What an update goes on from: the counts, how far each source is counted, and the options."""
    from optbudget.files.learned_models import load_history_counts, load_positions, was_learned

    if not was_learned(out):
        raise UsageError(f"--update: {out} holds no learned model; leave --update out to learn one")
    known, before = load_history_counts(out)
    if before.get("components"):
        raise UsageError(
            f"--update: {out} is a mixture, of which single units' histories are not kept; learn it "
            "again from the whole log"
        )
    return known, load_positions(out), before


def _require_followed(log: "EventLog", positions: Mapping[str, object]) -> None:
    """Refuse to go on following with a model that another log was counted for."""
    if log.source.identity not in positions:
        raise UsageError(
            "--follow: MODEL was not learned from this folder or table; --update adds it to MODEL"
        )


def _rules(given: dict[str, Any]) -> Any:
    from optbudget.learn import EventRules, Gap

    return EventRules(
        gap=None if given["gap"] is None else Gap.parse(given["gap"]),
        terminal=() if given["terminal"] is None else _names(given["terminal"], "--terminal"),
        conversion={} if given["conversion"] is None else _amounts(given["conversion"], "--conversion"),
        duplicates=given["duplicates"] or "refuse",
        events=None if given["events"] is None else _names(given["events"], "--events"),
    )


def _require_counted(rule: "CountingRule", order: int | None, given: dict[str, Any]) -> None:
    """Refuse an update that would count otherwise than the events before were counted."""
    if order is not None and order > rule.order:
        raise UsageError(
            f"--order {order}: MODEL has counts of histories of up to {rule.order} events; learn it again"
        )
    asked = _rules(given)
    for name in ("gap", "terminal", "conversion", "duplicates", "events"):
        if given[name] is not None and getattr(asked, name) != getattr(rule.rows, name):
            raise UsageError(
                f"--{name} is another than MODEL was counted with ({_in_words(getattr(rule.rows, name))}); "
                "leave it out, or learn the model again from the whole log"
            )
    if given["held_out"] is not None and given["held_out"] != rule.held_out:
        raise UsageError(
            f"--held-out is another than MODEL was counted with ({rule.held_out:g}); leave it out"
        )


def _in_words(rule: object) -> str:
    """A rule of the rows as it is written on the command line; "none" where there is none."""
    if isinstance(rule, Mapping):
        rule = tuple(f"{name}={amount:g}" for name, amount in rule.items())
    if isinstance(rule, tuple):
        rule = ",".join(rule)
    return str(rule or "none")


def _names(text: str, option: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UsageError(f"{option} {text!r} is no list of events; write for example {option} email,call")
    return names


def _amounts(text: str, option: str) -> dict[str, float]:
    """The numbers of a list such as email=0.1,call=5."""
    found = {}
    for part in text.split(","):
        name, equals, number = part.rpartition("=")
        try:
            amount = float(number) if equals and name.strip() and NUMBER.fullmatch(number.strip()) else None
        except ValueError:
            amount = None
        if amount is None or name.strip() in found:
            why = f"{part!r} is no EVENT=NUMBER" if amount is None else f"{name.strip()!r} stands twice"
            raise UsageError(f"{option} {text!r}: {why}; write for example {option} email=0.1,call=5")
        found[name.strip()] = amount
    return found


def _show(run: Run, learning: Learning) -> None:
    from optbudget.learn import identify
    from optbudget.learn.withheld import first_without
    from optbudget.report.learned_tables import learned_grid, score_grid

    learned, score, tally = learning.learned, learning.score, learning.log.tally
    if learned is None:
        raise ProblemError([Issue("error", "no-rows", "nothing came", learning.log.source.identity)])
    counts, order = learned.counts, learned.options.order
    numbers = {
        "model": str(learning.out),
        "states": learned.problem.n_states,
        "rows": learned.problem.row_ptr.size - 1,
        "events": counts.events,
        "units": len(counts.units),
        "histories": counts.histories,
        "kinds": len(counts.names),
        "grams": len(counts.kept) + len(counts.held),
        "order": counts.rule.order if order is None else order,
        "min_count": learned.options.min_count,
        "duplicates_dropped": counts.seen.dropped,
        "histories_after_a_pause": counts.seen.paused,
        "histories_after_a_terminal_event": counts.seen.returned,
    }
    reading = {"rows": tally.rows, "missing_as_zero": tally.filled, "moved": tally.sorted}
    if tally.columns is not None and "type" in tally.columns:
        text = "the column 'type' is not used: all units are taken to be of one type"
        tally.warnings.append(Issue("warning", "unused-column", text, learning.log.source.identity))
    if learned.options.withheld and not first_without(learned.tree, learned.options.actions):
        text = "every history begins with an action: without one, `start` goes on as histories on average do"
        tally.warnings.append(Issue("warning", "no-other-beginning", text))
    warnings = [issue.as_dict() for issue in tally.warnings]
    scored = None if score is None else as_dict(score)
    identified = identify(counts, learned.tree, learned.options)
    mixed = learning if isinstance(learning, MixtureLearning) else None
    run.answer({
        **numbers, "reading": reading, "warnings": warnings, "score": scored,
        "mixture": None if mixed is None else mixed.as_dict(mixed.mixture),
        "identification": [each.as_dict() for each in identified],
    })  # fmt: skip
    run.grids(learned_grid(numbers))
    if mixed is not None:
        run.grids(*mixed.grids())
        for text in mixed.warnings():
            run.log(f"warning: {text}")
    if score is not None:
        run.grids(score_grid(score.table(), score.best, score.miscalibration))
    for issue in tally.warnings:
        run.log(f"warning: {issue}")
    for each in identified:
        for text in each.warnings():
            run.log(f"warning: {text}")
    if tally.filled:
        run.log(f"{tally.filled:,} missing values or costs were taken as 0")
    if tally.sorted:
        run.log(f"{tally.sorted:,} rows were moved to put them in the order of time")
