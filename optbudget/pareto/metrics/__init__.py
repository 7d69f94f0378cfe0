"""What plans of departments are measured by: one module per metric, with definition, unit and source.

The framework (section 4) names budget efficiency, Pareto optimality, impact accuracy and the "Simba" criteria
stability, interpretability, manageability and adaptability, and defines none of them beyond a phrase. Impact
accuracy is about effects, not plans: `optbudget.study.causal_truth` has it.
"""
