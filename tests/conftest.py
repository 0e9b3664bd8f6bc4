"""What every test can rely on, wherever it runs."""

from __future__ import annotations

import os

# Servers of the tests are on this machine; a proxy would not find them.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
