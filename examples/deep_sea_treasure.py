"""Which treasure is worth which dive? All answers at once, learned from a submarine that is only steered.

The nearer treasures are small, the farther ones large; what is found counts against the time it takes. No
weighting of the two finds the treasures in the middle of this sea, because its front is concave: sets do.
Needs mo-gymnasium (`pip install mo-gymnasium`).
"""

import warnings

import numpy as np

from optbudget.pareto import SetLearner

DISCOUNT = 0.99


def dive(env, policy) -> tuple[list[str], np.ndarray]:
    """The steps of a policy, and what they were worth."""
    names, total, weight, over = ("up", "down", "left", "right"), np.zeros(2), 1.0, False
    state, _ = env.reset()
    policy.begin()
    taken = []
    while not over:
        action = policy.act(state)
        taken.append(names[action])
        state, reward, over, *_ = env.step(action)
        total, weight = total + weight * np.float64(reward), weight * DISCOUNT
    return taken, total


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mo_gymnasium

        env = mo_gymnasium.make("deep-sea-treasure-concave-v0")
    learner = SetLearner(actions=4, objectives=2, discount=DISCOUNT, rule="deterministic")
    learner.learn(env, 3_000)
    learner.settle()
    learned = learner.learned()
    print(learned)
    for point, expected in enumerate(learned.points):
        steps, worth = dive(env, learned.follow(point))
        assert np.allclose(worth, expected)
        print(f"treasure {worth[0]:7.2f}, time {-worth[1]:5.2f}: {len(steps):2d} steps, first {steps[0]}")
    known = np.array(env.unwrapped.pareto_front(gamma=DISCOUNT))
    assert np.allclose(learned.points, known[np.argsort(known[:, 0])])
    print("exactly the front that mo-gymnasium states")


if __name__ == "__main__":
    main()
