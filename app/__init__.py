"""insttui: a terminal explorer of what instruction tuning does inside a language model."""

import os

# Textual reads it when it is imported: over a slow link fewer frames do.
if "SSH_TTY" in os.environ:
    os.environ.setdefault("TEXTUAL_FPS", "15")
