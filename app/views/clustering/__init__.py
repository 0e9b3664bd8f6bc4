"""The Clusters view: tasks in hidden states."""
