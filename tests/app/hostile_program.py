"""The hostile tokens in a real program: `python -m tests.app.hostile_program grid`."""

import sys
from typing import ClassVar

from textual.binding import Binding, BindingType

from tests.app.test_hostile_tokens import hostile_map
from tests.support.face_app import FACES, FaceApp


class RingingApp(FaceApp):
    """Rings the bell at a key, once all that was typed before it is on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("z", "ring")]

    def action_ring(self) -> None:
        """Ring after the next repaint."""
        self.call_after_refresh(self.bell)


RingingApp(FACES[sys.argv[1]](hostile_map())).run(mouse=False)
