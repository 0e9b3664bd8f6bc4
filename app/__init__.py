"""insttui: a terminal explorer of what instruction tuning does inside a language model."""

import os

# Textual reads this on import; fewer frames suit a slow link.
if "SSH_TTY" in os.environ:
    os.environ.setdefault("TEXTUAL_FPS", "15")
