"""The Saliency view: the maps of base and tuned model side by side, one cursor over both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import DescendantFocus, Resize

from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.view import View
from app.jobs.pace import Redraw
from app.jobs.tasks import Task
from app.jobs.watch import Watch
from app.links import DivergenceLink, Link, MapsLink, MarksLink, PromptLink, StepLink
from app.rating import rate, ratings_in
from app.state import Prompt
from app.views.saliency.answer import Answer
from app.views.saliency.bars import ResponseBar, TokenSearch
from app.views.saliency.below import BelowMaps
from app.views.saliency.comparison import Comparison
from app.views.saliency.cursor import Cursor
from app.views.saliency.pair import Pair
from app.views.saliency.pane import FACES, FaceName, SaliencyPanes
from app.views.saliency.shown import Shown
from app.views.saliency.side import Side, stored_sides
from app.views.saliency.tasks import tasks_of
from app.views.saliency.text import HELP, UNASKED, WALKS, checked, copied_text
from app.views.saliency.twin import commands_of
from app.widgets.search_bar import SearchBar
from app.widgets.token_face import TokenFace
from app.workspace import PairWorkspace

if TYPE_CHECKING:
    from analysis.events import EngineStatus
    from analysis.saliency.gather import Written
    from analysis.saliency.request import AttributionRequest

BOTH_FROM_WIDTH = 120
# Minimum time between redraws of growing maps: leave time for keys and slow terminals.
_REDRAW_S = 0.2


class SaliencyView(View):
    """Two panes with synchronised cursors, values and scores below them."""

    SCOPE = "saliency"
    HELP = HELP
    ANSWERS = frozenset({"colour", "special"})
    BINDINGS: ClassVar[list[BindingType]] = bindings("saliency")

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._shown = Shown()
        self._redraw = Redraw(self, self._update, every_s=_REDRAW_S)
        # Whether news arrived while another view was shown.
        self._behind = False

    def help(self) -> str:
        """How to read the maps, and how far the current ones were verified."""
        return "\n\n".join([self.HELP, *checked(self._pair.sides)])

    def compose(self) -> ComposeResult:
        yield SaliencyPanes(ascii_only=self.ui.settings.ascii, follow=self._moved, id="panes")
        yield TokenSearch(id="search")
        yield ResponseBar(id="given")
        yield BelowMaps(ascii_only=self.ui.settings.ascii, id="below")

    def on_mount(self) -> None:
        self._panes.choose(self._face)
        self._panes.digits(self.ui.state.digits)
        self.show_everything()

    @property
    def _pair(self) -> Pair:
        return self._shown.pair

    @property
    def _cursor(self) -> Cursor:
        return self._shown.cursor

    @property
    def _comparison(self) -> Comparison:
        return self._shown.comparison

    @property
    def _panes(self) -> SaliencyPanes:
        return self.query_one(SaliencyPanes)

    @property
    def _search(self) -> TokenSearch:
        return self.query_one(TokenSearch)

    @property
    def _below(self) -> BelowMaps:
        return self.query_one(BelowMaps)

    @property
    def _face(self) -> FaceName:
        return next((name for name in FACES if name == self.ui.state.face), next(iter(FACES)))

    def enter(self) -> None:
        """Catch up with news and focus the map."""
        if self._behind:
            self._update()
        self._focus_pane()

    def on_resize(self, event: Resize) -> None:
        self.set_class(event.size.width < BOTH_FROM_WIDTH, "-narrow")
        self.call_after_refresh(self._show_values)

    def offers(self, action: Action) -> bool:
        """What applies now: cases in a library, digits in the grid, and so on."""
        match action.id.partition(".")[2]:
            case "next_case" | "previous_case" | "better" | "worse":
                return self._shown.case is not None
            case "special":
                return self._shown.case is None
            case "part":
                return self._leads_to is not None
            case "export_case":
                return bool(self._comparison.there)
            case "digits" | "colour" as name:
                return self._face == ("grid" if name == "digits" else "answers")
            case "answers" | "grid" | "overview" as name:
                return self._face != name
            case "whole":
                return self._face == "answers" and any(self._cursor.walked)
            case name:
                return self._pair.offers(name)

    def twins(self) -> Sequence[str]:
        # Stored maps come from no command.
        if self._shown.case is not None or self.ui.session is None:
            return ()
        return commands_of(
            self._pair, include_special=self._shown.special, cache_dir=self.pair.cache_dir
        )

    def _focus_pane(self) -> None:
        named = [number for number, name in enumerate(self._pair.names) if name]
        if len(named) == 1:
            self._cursor.active = named[0]
        self._panes.activate(self._cursor.active)
        # The view takes the focus while there is no cursor, so that its keys work.
        self.can_focus = True
        (self._panes.both[self._cursor.active].face or self).focus()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Activate the pane that was clicked or tabbed to."""
        side = self._panes.side_of(event.widget, otherwise=self._cursor.active)
        self._cursor.active = side
        self._panes.activate(side)
        self._show_values()

    def open(self, link: Link) -> None:
        """Ask both models about a prompt, or show the maps of a stored case."""
        if isinstance(link, PromptLink):
            self._run_prompt(link.prompt, link.requests)
        elif isinstance(link, MapsLink):
            prompt = Prompt(link.prompt, link.text.instruction_spans)
            self._begin(prompt, stored_sides(link.maps), case=link)
            self._update()

    def _run_prompt(self, prompt: Prompt, requests: Sequence[AttributionRequest] | None) -> None:
        """Ask both models; maps appear as they are computed."""
        if self.session is None:
            return
        requests = requests or self.pair.requests(prompt.text, chat_template=prompt.chat_template)
        if self._pair.has_asked(requests):
            self._shown.prompt = prompt
            self._update()
            return
        self._begin(prompt, [Side(request.model.name, request=request) for request in requests])
        # The tuned model's answer is what the user waits for.
        self._ask([side.gradient for side in reversed(self._pair.sides)])

    def _begin(self, prompt: Prompt, sides: list[Side], case: MapsLink | None = None) -> None:
        """Switch to another prompt, cancelling what runs for the old one."""
        self._pair.drop()
        # A new pair begins with the gradient, whatever was chosen for the last prompt.
        self._shown.begin(prompt, Pair(sides), case)
        if self._face == "answers":
            # Where only one fits, the tuned model's answer is what a reader has come for.
            self._cursor.active = 1
        self._search.forget()

    def _update(self) -> None:
        """Align the maps again and draw them, once this view is shown."""
        self._behind = self.ui.view is not self
        if not self._behind:
            self._shown.compare()
            self.show_everything()

    def show_everything(self) -> None:
        """Draw panes and lines from the state."""
        self._panes.show(self._shown, UNASKED[isinstance(self.ui.workspace, PairWorkspace)])
        self._below.display = any(self._pair.names)
        focused = self.screen.focused
        # The focus requested in `enter` may not have arrived yet, and still be in another view.
        if self.ui.view is self and (
            focused is None or self not in focused.ancestors or not focused.display
        ):
            self._focus_pane()
        self._show_progress()
        self._show_values()
        if self.ui.view is self:
            self.ui.refresh_lines()

    def tasks(self) -> list[Task]:
        """An answer a line, the tuned model's before the base model's."""
        return tasks_of(self._pair, self._stop_one, lambda answer: self._ask([answer]))

    def _stop_one(self, answer: Answer) -> None:
        answer.stop()
        self._update()

    def _show_progress(self) -> None:
        starting = self.ui.status.state in ("off", "starting")
        self._below.show_progress(self._shown, engine_starting=starting)

    def _show_values(self) -> None:
        """Show what is known at the cursor: below the answers, words and findings."""
        if not self.is_mounted:
            return
        if answers := self._face == "answers" and self._comparison.there != []:
            self._below.show_words(self._shown, height=self.size.height)
        else:
            self._below.show_values(self._shown)
        signed = answers and not self._panes.by_density
        self._below.show_legend(self._shown, signed=signed, right=WALKS if answers else "")

    # News of the requests

    def engine_changed(self, status: EngineStatus) -> None:
        if self._pair.running:
            self._show_progress()

    @on(Watch.Changed)
    def _news(self, message: Watch.Changed) -> None:
        message.stop()
        found = self._pair.take(message.watch)
        if found is None:
            return
        number, answer, news = found
        side = self._pair.sides[number]
        for notice in news.notices:
            self.ui.say(str(notice.problem), severity="warning")
        if self.ui.view is not self:
            self._behind = True
        else:
            if news.progress is not None:
                self._panes.show_waiting(self._pair, self._comparison.maps)
            self._show_progress()
        if news.ending is not None:
            if answer is side.gradient and (wanted := self._pair.wanted()):
                self._ask(wanted)
            self._pair.settle()
            self._redraw.now()
        elif news.partial is not None:
            self._redraw.soon()

    def _moved(self, message: TokenFace.CursorMoved) -> None:
        side = self._panes.side_of(message.face, otherwise=self._cursor.active)
        self._cursor.row = message.row
        if message.across:
            self._walk_to(side, message.column)
        self._pair.read()
        self._place_cursors()

    def _walk_to(self, side: int, column: int) -> None:
        rested = not any(self._cursor.walked)
        together = self._face == "answers" and self._comparison.same_tokens
        self._cursor.walk_to(side, column, together=together)
        if rested:
            self.ui.refresh_lines()

    def _place_cursors(self) -> None:
        self._panes.move(self._cursor)
        self._show_values()

    def action_whole(self) -> None:
        """Look at the whole responses again."""
        self._cursor.rest()
        self._place_cursors()
        self.ui.refresh_lines()

    def action_find(self) -> None:
        self._search.open()

    @on(SearchBar.Sought)
    def _sought(self, message: SearchBar.Sought) -> None:
        self._search.look(self._comparison, message.text)
        self._panes.highlight(self._search.places)
        if not message.finished:
            return
        self._focus_pane()
        if message.text and not self._search.places:
            self.ui.say(f"Not found: {message.text}")
        self.action_find_next(1)

    def action_find_next(self, direction: int) -> None:
        place = self._search.step(direction)
        if place is None:
            return
        if place.row is not None:
            self._cursor.row = place.row
        else:
            self._walk_to(place.side, place.column)
            self._cursor.active = place.side
            self._focus_pane()
        self._place_cursors()
        self._below.say(self._search.words())

    def action_face(self, name: FaceName) -> None:
        self.ui.update_state(face=name)
        self._panes.choose(name)
        self._panes.highlight(self._search.places)
        self._place_cursors()
        self._focus_pane()
        self.ui.refresh_lines()

    def action_digits(self) -> None:
        self.ui.update_state(digits=not self.ui.state.digits)
        self._panes.digits(self.ui.state.digits)

    def action_colour(self) -> None:
        self._panes.turn_colours()
        self._show_values()

    def action_swap(self) -> None:
        if all(self._pair.names):
            self._cursor.active = 1 - self._cursor.active
            self._focus_pane()

    def action_special(self) -> None:
        self._shown.special = not self._shown.special
        self._search.forget()
        self._update()

    def action_mark(self) -> None:
        sentence = self._comparison.sentence_at(self._cursor.row)
        if sentence is None:
            self.ui.say("Only sentences of the prompt itself can be marked.")
            return
        self._shown.mark(sentence)
        self._panes.mark()
        self._show_values()
        if self._shown.case is None:
            self.ui.tell(MarksLink(self._shown.prompt))

    def action_stop(self) -> None:
        """Stop the computation; when idle, go back to the view that led here."""
        self._update() if self._pair.stop() else self.go_back()

    @property
    def _leads_to(self) -> DivergenceLink | None:
        """The place in the Divergence view of what is looked at; None where there is none."""
        if self._shown.case is not None or self.ui.session is None:
            return None
        side = self._cursor.active
        writer = ("base", "tuned")[side] if self._pair.whose == "own" else self._pair.whose
        if writer not in ("base", "tuned") or self._pair.sides[side].response is None:
            return None
        return DivergenceLink(self._shown.prompt, writer, self._cursor.looked_at(side))

    def action_part(self) -> None:
        link = self._leads_to
        if link is not None:
            self.run_worker(self.ui.open_link(link, back=True), exit_on_error=False)

    def action_run_again(self) -> None:
        self._ask(self._pair.answers)

    def _ask(self, answers: Sequence[Answer]) -> None:
        """Request missing answers, and show what there is."""
        if self.session is not None:
            self._pair.ask(self.session, self, answers)
        self._update()

    def action_method(self) -> None:
        """Switch to the next method; requests its answers where they are missing."""
        self._pair.turn()
        self._ask(self._pair.wanted())
        self._panes.highlight(self._search.places)

    def action_response(self) -> None:
        """Explain both models on the next response: own, the base's, the tuned's, the user's."""
        self._show_response(self._pair.turn_response())

    def action_give(self) -> None:
        self.query_one(ResponseBar).ask()

    @on(ResponseBar.Named)
    def _given(self, message: ResponseBar.Named[Written | str]) -> None:
        self._focus_pane()
        if message.content is not None:
            self._show_response(self._pair.give(message.content))

    def _show_response(self, answers: Sequence[Answer]) -> None:
        self._search.forget()
        self._cursor.restart()
        self._ask([*answers, *self._pair.wanted()])

    def action_case(self, step: int) -> None:
        self.ui.tell(StepLink(step))

    def action_rate(self, step: int) -> None:
        side = self._pair.sides[self._cursor.active]
        if self._shown.case is not None:
            side.note = rate(self.ui, self._shown.case.case_id, side.name, step) or side.note
            self._update()

    def action_export(self) -> None:
        found, models = self._shown.tables(answers=self._face == "answers")
        if not found:
            self.ui.say("There is nothing to export yet.", severity="warning")
        self.export_tables(found, *models, self._shown.about)

    def action_export_case(self) -> None:
        """Export what is known beside the maps: of prompt tokens, of the case, of deletion."""
        tables = self._shown.case_tables(ratings_in(self.ui, self._shown.case))
        names = [shown.model for shown in self._comparison.there]
        self.export_tables(tables, *names, self._shown.about)

    def action_copy(self) -> None:
        values = self._below.values
        self.ui.copy(
            copied_text(self._shown.prompt.text, self._pair, self._comparison.there, values)
        )
