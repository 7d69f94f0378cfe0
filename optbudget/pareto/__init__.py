"""Vector rewards: the environment of departments, Pareto Q-learning, and fronts with certificates.

Departments share only money and a regime that none of them moves, so for every weighting of the objectives
the joint problem is a sum of small ones (`optbudget.problems.Departments`), and the front of all trade-offs
is computed with a proof. What is learned from simulation alone is measured against it.
"""
