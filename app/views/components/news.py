"""What the requests of the Components view have to tell."""

from __future__ import annotations

from textual import on

from analysis.results import Frequencies
from app.views.components.pages import ComponentPages
from app.watch import Watch


class ComponentNews(ComponentPages):
    """Takes in shapes, categories, a neuron and the search for a word, as they come."""

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        jobs = self._jobs
        if self._searched(message.watch):
            return
        news = None if jobs is None else jobs.apply(message.watch)
        if jobs is None or news is None:
            return
        kind, step = news
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if step.finished is None:
            if self._page == "words":
                self.show_everything()
        elif kind == "shapes":
            base, tuned = jobs.architectures or (None, None)
            if base is not None and tuned is not None and base.is_built_like(tuned):
                jobs.begin_categories()
            self.show_everything()
        elif kind == "categories":
            self._take(*jobs.taken(step.finished))
        elif self._page == "neuron":
            self.show_everything()
        self._show_progress()
        if self.ui.view is self and jobs.running is None:
            self.ui.refresh_lines()

    def _searched(self, watch: Watch) -> bool:
        """Take in news of the search for a word; whether it was that."""
        step = None if self._search is None else self._search.jobs.apply(watch)
        if self._search is None or step is None:
            return False
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if step.finished is not None:
            self._search.take(step.finished)
            if self._page == "found":
                self.show_everything()
        self._show_progress()
        self.ui.refresh_lines()
        return True

    def _take(self, base: Frequencies, tuned: Frequencies) -> None:
        self._atlas.add(base, tuned)
        if self._page == "words":
            self._turn_to("maps")
        else:
            self.show_everything()
