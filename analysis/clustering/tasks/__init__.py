"""Tasks whose clusters are looked for in hidden states (METHODS 5): shipped and user-defined.

- `natural.natural_tasks`: the sixteen of translation, linguistic forms and knowledge.
- `reading.task_set_from_file`: TOML or JSON lines with name, phrasings, mappings and category.

Requests carry tasks, so nothing is imported here.
"""
