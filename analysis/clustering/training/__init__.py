"""A model that learns synthetic tasks, and how its hidden states cluster meanwhile (METHODS 5).

`generator` makes the tasks, `training` the run, `dynamics` what is measured at each epoch;
`analysis.clustering.runs` reads what they leave in a folder. Torch is imported by `training`,
`model` and `checkpoint` only.
"""
