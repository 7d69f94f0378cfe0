"""From purchases to a budget split over 23,570 customers: CDNOW, January 1997 to June 1998.

The log lies in the package `lifetimes`: pip install --no-deps lifetimes==0.11.3. It has no spend: what a
voucher does, what it costs, and the margin are ASSUMED (docs/cdnow.md says what that means).
"""

import sys
from importlib.metadata import PackageNotFoundError, files

import numpy as np
import pyarrow as pa

from optbudget import allocate, solve, verify
from optbudget import learn as ol

LARGE = 35.0  # dollars that make a month a large one
MARGIN, VOUCHER = 0.3, 8.0  # ASSUMED: share of a purchase that is kept, dollars per small order brought about
NAMES = ("quiet", "small", "large")


def purchases():
    """Dollars of every customer and month from January 1997 on, and whether there was a purchase."""
    try:
        place = next(file for file in files("lifetimes") or () if file.name == "CDNOW_master.txt")
    except PackageNotFoundError:
        print("the log is in lifetimes: pip install --no-deps lifetimes==0.11.3", file=sys.stderr)
        sys.exit(9)
    customer, day, _, dollars = np.loadtxt(place.locate(), skiprows=1).T
    where = customer.astype(int), ((day // 10000 - 1997) * 12 + day // 100 % 100 - 1).astype(int)
    total, bought = np.zeros((where[0].max() + 1, 18)), np.zeros((where[0].max() + 1, 18), dtype=bool)
    np.add.at(total, where, dollars)
    bought[where] = True
    return total, bought


def events(total, bought):
    """One event per customer and month from the first purchase on; a month is worth its margin."""
    customer, month = np.nonzero(np.logical_or.accumulate(bought, axis=1))
    event = np.where(bought, np.where(total < LARGE, 1, 2), 0)[customer, month]
    return ol.EventBatch(pa.array(customer), month, event, NAMES, MARGIN * total[customer, month])


def learned(log, horizon, discount):
    """The model of a log, of the order that predicts a fifth of the customers best."""
    counts = ol.count_histories([log], order=12, held_out=0.2)
    kept, held = ol.tables_of(counts, cut_off=True)
    tree = ol.context_tree(kept, counts.names, counts.packing, min_count=50)
    score = ol.held_out_score(tree, held, counts.packing)
    print(f"  {score}; calibration off by {100 * score.miscalibration:.1f} points")
    return ol.learn_model(counts, ol.ModelOptions(
        actions=["small"], costs={"small": VOUCHER}, in_place_of=["quiet"], cut_off=True, order=score.best,
        min_count=50, horizon=horizon, discount=discount))  # fmt: skip


def main() -> None:
    total, bought = purchases()
    print("Learned from 1997, held against January to June 1998:")
    early = learned(events(total[:, :12], bought[:, :12]), horizon=7, discount=1.0)
    idle, there = solve(early.problem, tolerance=1e-3), ol.standing(early)
    worth = np.array([idle[name].start_value for name in early.problem.states])
    now = np.append(early.problem.utility[early.problem.pair_ptr[:-2]], 0.0)  # counted, but already there
    promised, kept = (worth - now)[there.unit_state], MARGIN * total[there.unit, 12:].sum(axis=1)
    print(f"  promised without vouchers {promised.sum():,.0f}, came {kept.sum():,.0f} dollars of margin")
    for k, part in enumerate(np.array_split(np.argsort(promised, kind="stable"), 5), 1):
        print(f"  fifth {k} of the customers: {promised[part].mean():5.2f}, {kept[part].mean():5.2f} came")
    print("Learned from all 18 months, for the 12 to come:")
    late = learned(events(total, bought), horizon=13, discount=0.99)
    for found in ol.identify(late.counts, late.tree, late.options):
        print(*("  warning: " + text for text in found.warnings()), sep="\n")
    curves, customers = solve(late.problem, tolerance=1e-3), ol.standing(late)
    for budget in (0.0, 10_000.0, 50_000.0):
        split = allocate(curves, customers, budget)
        print(f"  {split}; proved: {verify(split).ok}")
    for row in sorted(split.to_arrow().to_pylist(), key=lambda r: -r["budget"] * (r["count"] > 99))[:3]:
        print(f"  {row['count']} customers in {row['state']} get {row['budget']:.2f}: {row['action']}")


if __name__ == "__main__":
    main()
