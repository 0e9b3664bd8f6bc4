"""Trains a model on synthetic tasks and tracks how its hidden states cluster (METHODS 5).

`generator` makes the tasks, `training` runs the training, `dynamics` measures each epoch;
`analysis.clustering.runs` reads the files they write. Only `training`, `model` and `checkpoint`
import torch.
"""
