"""What the requests of the Components view have to tell."""

from __future__ import annotations

from textual import on

from app.jobs.watch import Watch
from app.views.neurons.jobs import ComponentJobs
from app.views.neurons.pages import ComponentPages


class ComponentNews(ComponentPages):
    """Takes in shapes, categories, a neuron and the search for a word, as they come."""

    def _begin(self, jobs: ComponentJobs) -> None:
        jobs.begin_categories()
        self.show_everything()

    def _take_part(self, jobs: ComponentJobs, part: int) -> None:
        self._atlas.add(*jobs.taken(part))
        if self._page == "words":
            self._turn_to("maps")
        else:
            self.show_everything()

    def _take_opened(self, jobs: ComponentJobs) -> None:
        if self._page == "neuron":
            self.show_everything()

    @on(Watch.Changed)
    def _search_news(self, message: Watch.Changed) -> None:
        """Take in news of the search for a word; all other news is for `PairView`."""
        step = None if self._search is None else self._search.jobs.apply(message.watch)
        if self._search is None or step is None:
            return
        for notice in step.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if self._search.jobs.problem is not None:
            # In whole; the line has no room for it on a narrow screen.
            self.ui.say(str(self._search.jobs.problem), severity="error")
        if step.finished is not None:
            self._search.take(step.finished)
            if self._page == "found":
                self.show_everything()
        self._show_progress()
        self.ui.refresh_lines()
