"""The hostile tokens in a real program: `python -m tests.app.hostile_program grid`."""

import sys

from tests.app.test_hostile_tokens import hostile_map
from tests.support.face_app import FACES, FaceApp

FaceApp(FACES[sys.argv[1]](hostile_map())).run(mouse=False)
