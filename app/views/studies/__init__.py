"""The Studies view: tables and figures over many prompts."""
