"""What a log cannot say of an action: numbers against the plain twin, and sources of known effect."""

import numpy as np
import pytest
from learning_twin import difference

from optbudget.learn import EventRules, ModelOptions, count_histories, identify, tree_of
from tests.commands import run, run_json
from tests.test_learn import batch_of, random_log

KEEP = EventRules(duplicates="keep")


def shop(seed, units, *, targeted, effect):
    """Visitors who look or idle; some get a mail next; who looked before the last event buys more often.

    A mail goes out after a look in 60 % of cases and else in 5 % (targeted), or always in 20 %. A purchase
    follows with probability 0.25 if the event before the last was a look, else 0.02, and `effect` more if the
    last one was a mail.
    """
    draw = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        before, last = None, "look" if draw.random() < LOOK else "idle"
        for t in range(60):
            rows.append((unit, t, last, 10.0 if last == "buy" else 0.0))
            if draw.random() > STAY:
                break
            chance = chances(before, last, targeted=targeted, effect=effect)
            before, last = last, str(draw.choice(list(chance), p=list(chance.values())))
    return rows


STAY, LOOK = 0.92, 0.3


def chances(before, last, *, targeted, effect):
    """Probabilities of the next event in the shop, given that there is one."""
    mail = (0.6 if last == "look" else 0.05) if targeted else 0.2
    buy = (0.25 if before == "look" else 0.02) + (effect if last == "mail" else 0.0)
    rest = 1 - buy - mail * (1 - buy)
    return {"buy": buy, "mail": mail * (1 - buy), "look": LOOK * rest, "idle": (1 - LOOK) * rest}


def truth(rows, *, targeted, effect, discount=0.975, steps=20):
    """What a mail does to the value to come, where mails were sent: by the shop's own probabilities."""
    kind = {"targeted": targeted, "effect": effect}
    pairs = [(b, e) for b in (None, "look", "idle", "mail", "buy") for e in ("look", "idle", "mail", "buy")]
    to_come = dict.fromkeys(pairs, 0.0)
    for _ in range(steps):
        to_come = {
            (b, e): STAY * sum(p * (10 * (x == "buy") + discount * to_come[e, x])
                               for x, p in chances(b, e, **kind).items())
            for b, e in pairs
        }  # fmt: skip
    total, mails = 0.0, 0
    past = {}
    for unit, _, event, _ in rows:
        b, e = past.get(unit, (None, None))
        if event == "mail":
            others = {x: p for x, p in chances(b, e, **kind).items() if x != "mail"}
            mails += 1
            total += to_come[e, "mail"] - sum(p * to_come[e, x] for x, p in others.items()) / sum(
                others.values()
            )
        past[unit] = (e, event)
    return total / mails


def found(rows, order=3, least=10, **more):
    counts = count_histories([batch_of(rows)], order=order, rows=KEEP)
    options = ModelOptions(actions=["mail"], costs={"mail": 1}, min_count=least, **more)
    return identify(counts, tree_of(counts, options), options)[0]


@pytest.mark.parametrize("seed", range(40))
def test_differences_are_those_of_the_plain_twin(seed):
    rows = [*random_log(seed, units=8), (99, 0, "mail", 0.5), (99, 1, "visit", 0.5)]
    order, least = 1 + seed % 4, 1 + seed % 3
    replaced = ("visit", "call") if seed % 2 else ()
    rows.append((98, 1, "call", 0.0))
    mail = found(rows, order, least, horizon=5, discount=0.9, in_place_of=replaced)
    naive, matched = difference(
        rows, "mail", order=order, min_count=least, discount=0.9, steps=5, replaced=replaced or None
    )
    assert mail.difference.naive == pytest.approx(naive, abs=1e-12)
    assert mail.difference.matched == pytest.approx(matched, abs=1e-12)
    assert mail.taken == sum(row[2] == "mail" for row in rows)


def test_histories_of_two_words_are_compared_as_well():
    names = tuple(f"e{k}" for k in range(60))
    draw = np.random.default_rng(0)
    rows = [(99, t, name, 0.0) for t, name in enumerate(("mail", *names))]
    for unit in range(30):
        for t in range(20):
            name = "mail" if draw.random() < 0.1 else names[(7 * unit + t) % 4 if t > 3 else unit % 5]
            rows.append((unit, t, name, float(name == "e0")))
    mail = found(rows, 12, 1, horizon=5, discount=0.9)
    naive, matched = difference(rows, "mail", order=12, min_count=1, discount=0.9, steps=5)
    assert mail.difference.naive == pytest.approx(naive, abs=1e-12)
    assert mail.difference.matched == pytest.approx(matched, abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_targeting_is_seen_where_the_log_misleads(seed):
    rows = shop(seed, 2000, targeted=True, effect=0.0)
    mail, right = found(rows), truth(rows, targeted=True, effect=0.0)
    d = mail.difference
    assert mail.targeted and any("targeted" in text for text in mail.warnings())
    # Mails do harm: they are sent instead of another look. The log seems to say that they do good.
    assert d.naive > 8 * d.standard_error and right < -0.3
    assert d.matched == pytest.approx(right, abs=6 * d.standard_error)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("effect", [0.0, 0.15])
def test_a_randomised_action_is_not_warned_of(seed, effect):
    rows = shop(seed, 1500, targeted=False, effect=effect)
    mail, d = found(rows), found(rows).difference
    assert mail.warnings() == []
    assert d.matched == pytest.approx(truth(rows, targeted=False, effect=effect), abs=6 * d.standard_error)
    if effect:
        assert d.naive > 8 * d.standard_error and abs(d.selection) < 0.25 * d.naive
    assert 0.15 < mail.propensity.median < 0.25 and mail.propensity.seldom == 0.0


@pytest.mark.parametrize("seed", range(12))
def test_few_events_are_no_reason_to_warn_of_targeting(seed):
    assert not found(shop(seed, 80, targeted=False, effect=0.0), least=2).targeted


def test_an_action_that_is_hardly_ever_taken_is_warned_of():
    rows = [row for row in shop(0, 1500, targeted=False, effect=0.0) if row[2] != "mail" or row[0] % 300 == 0]
    mail = found(rows)
    assert mail.propensity.seldom > 0.9 and mail.shorter > 0.5
    assert len(mail.warnings()) >= 2 and mail.fewest == min(mail.fewest, mail.taken)


def test_a_log_of_nothing_but_the_action_has_no_difference():
    mail = found([(u, t, "mail", 1.0) for u in range(20) for t in range(5)])
    assert mail.difference is None and mail.propensity.nearly_always == 1.0
    assert "nearly always (above 99 %)" in mail.warnings()[0] and mail.as_dict()["difference"] is None


def test_the_command_warns_and_does_not_fail(tmp_path):
    for targeted in (True, False):
        rows = shop(1, 1500, targeted=targeted, effect=0.0)
        lines = [f"{u},{t},{e},{v:g}" for u, t, e, v in rows]
        (tmp_path / "log.csv").write_text("\n".join(["unit,time,event,value", *lines]) + "\n")
        asked = ["learn", tmp_path / "log.csv", "--actions", "mail", "--cost", "mail=1", "--order", "3"]
        [mail] = run_json(*asked, "--out", tmp_path / "m")["identification"]
        assert mail["targeted"] is targeted and bool(mail["warnings"]) is targeted
        said = run(*asked, "--out", tmp_path / "m").stderr
        assert ("warning: 'mail' is targeted" in said) is targeted
