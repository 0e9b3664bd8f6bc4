"""Tasks whose clusters are looked for in hidden states (METHODS 5): shipped, and the user's.

- `natural_tasks`: the sixteen of translation, linguistic forms and knowledge.
- `task_set_from_file`: TOML or JSON lines with name, phrasings, mappings, category (optional).
"""

from analysis.task_sets.natural import natural_tasks
from analysis.task_sets.reading import task_set_from_file
from analysis.task_sets.task_set import LABELS, ClusterTask, TaskSet, prompt_of

__all__ = [
    "LABELS",
    "ClusterTask",
    "TaskSet",
    "natural_tasks",
    "prompt_of",
    "task_set_from_file",
]
