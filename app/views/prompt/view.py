"""The Prompt view: enter or choose a prompt, mark its instructions, run both models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Button, Checkbox, Static, TextArea
from textual.worker import get_current_worker

from analysis.events import EngineStatus, ModelFacts
from app.frame.action import Action
from app.frame.actions import bindings
from app.frame.twin import attribution
from app.frame.view import View
from app.jobs.tasks import Task
from app.links import Link, MarksLink, PromptLink
from app.state import Prompt, remember
from app.views.prompt.choices import Choices, ShownChoice
from app.views.prompt.loading import Loading
from app.views.prompt.sentences import Sentences
from app.views.prompt.text import HELP, refusal, what_enter_does
from app.views.prompt.token_counts import TokenCounts
from app.widgets.item_list import ItemList
from app.widgets.lines import Lines
from app.widgets.prompt_entry import CheckBox, PromptEntry, PushButton
from app.workspace import Example

if TYPE_CHECKING:
    from app.jobs.watch import Watch

# Pause in typing after which sentences and tokens are updated.
_TYPING_PAUSE_S = 0.25


class PromptView(View):
    """Entry, sentences, tokens and controls on the left, examples and history on the right.

    What is typed or pasted here is the prompt, wherever the focus is, until escape makes plain
    letters keys; the entry takes them again once it has the focus.
    """

    SCOPE = "prompt"
    BINDINGS: ClassVar[list[BindingType]] = bindings("prompt")
    HELP = HELP

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._pause: Timer | None = None
        self._plain_keys = False

    def compose(self) -> ComposeResult:
        tuned = self.prose(self.pair.tuned.name)
        self._loading = Loading(self.pair.pair, self)
        with Horizontal():
            with Vertical(id="writing"):
                yield PromptEntry(id="entry")
                yield ShownChoice(id="choice")
                yield Sentences(ascii_only=self.ui.settings.ascii, id="sentences")
                yield TokenCounts(self.pair.pair, ascii_only=self.ui.settings.ascii, id="tokens")
                with Horizontal(id="controls"):
                    yield PushButton("Run", id="run")
                    box = CheckBox(id="template", compact=True)
                    box.label = Content(f"chat template for {tuned}")
                    yield box
            yield Choices(self.ui, self.pair.examples, self._choose, id="choosing")
        yield Static("", id="problem", markup=False)
        yield Lines(id="does")
        yield Lines(id="progress")

    def on_mount(self) -> None:
        self._entry.border_title = "Prompt"
        if self.ui.state.draft is not None:
            self.load(self.ui.state.draft)
        else:
            self._settle()

    def connected(self) -> None:
        """Load the models in the background."""
        self._warm_up()

    def enter(self) -> None:
        """Focus the entry."""
        self._warm_up()
        self._entry.focus()

    @property
    def _entry(self) -> PromptEntry:
        return self.query_one("#entry", PromptEntry)

    @property
    def _sentences(self) -> Sentences:
        return self.query_one(Sentences)

    # Letters are text, or keys

    @property
    def takes_text(self) -> bool:
        return not self._plain_keys

    def about_to_type(self) -> None:
        """A letter is text for the entry, wherever the focus is."""
        if not self._plain_keys:
            self.screen.set_focus(self._entry)

    def on_descendant_focus(self) -> None:
        if self._plain_keys and self.screen.focused is self._entry:
            self._plain_keys = False
            self.ui.refresh_lines()
        self._choose()

    def action_leave(self) -> None:
        """Make plain letters keys; if they are, stop loading."""
        if self._plain_keys:
            self._loading.stop()
            return
        self._plain_keys = True
        target = "#examples" if self.pair.examples else "#run"
        self.query_one(target).focus()
        self.ui.refresh_lines()

    def offers(self, action: Action) -> bool:
        match action.id:
            case "prompt.newline":
                return self.screen.focused is self._entry
            case "prompt.leave":
                return not self._plain_keys or self._loading.running
            case "prompt.entry":
                return self._plain_keys
        return True

    # What can be chosen

    @property
    def _chosen(self) -> Example | Prompt | None:
        return self.query_one(Choices).chosen(entry_empty=not self._entry.text)

    def _choose(self) -> None:
        """Show in full what the cursor is on, and say what enter does."""
        chosen = self._chosen
        self.set_class(chosen is not None, "-choosing")
        self.set_class(not self._entry.text, "-empty")
        steps = self._entry.has_focus and not self._entry.text
        self.query_one(Choices).say_keys(entry_steps=steps)
        if chosen is not None:
            self.query_one(ShownChoice).show(chosen, self.prose)
        self._say_what_enter_does()

    def _say_what_enter_does(self) -> None:
        counts = self.query_one(TokenCounts)
        fits = counts.fits or f"tokens: {counts.awaited}"
        line = what_enter_does(self._chosen, self._entry.text, fits, counts.too_long)
        self.query_one("#does", Lines).show(line)

    @on(PromptEntry.Stepped)
    def _stepped(self, message: PromptEntry.Stepped) -> None:
        self.query_one(Choices).step(message.by)

    @on(TokenCounts.Counted)
    def _counted(self) -> None:
        self._say_what_enter_does()

    def current(self) -> Prompt:
        """The current prompt with its marks."""
        self._settle()
        marked = self._sentences
        return Prompt(marked.text, marked.spans, self.query_one("#template", Checkbox).value)

    def twins(self) -> Sequence[str]:
        prompt = self.current()
        if not prompt.text.strip():
            return ()
        requests = self.pair.requests(prompt.text, chat_template=prompt.chat_template)
        return [attribution(each, self.pair.cache_dir) for each in requests]

    def load(self, prompt: Prompt | Example) -> None:
        """Put a prompt with its marks into the entry; marks are guessed if it has none."""
        text = prompt.text if isinstance(prompt, Prompt) else prompt.prompt
        if isinstance(prompt, Prompt):
            self._set_template(prompt.chat_template)
        self._entry.load_text(text)
        self._sentences.take(text, prompt.instruction_spans)
        self._settle()

    def take_paste(self, text: str) -> None:
        """Paste into the prompt, as if the entry had the focus."""
        self._entry.paste(text)

    @on(PromptEntry.Replaced)
    def _replaced(self) -> None:
        self.ui.say("The paste took the place of the prompt before; ctrl-_ brings that back.")

    def open(self, link: Link) -> None:
        """Take over marks changed in another view, if the prompt is still the same."""
        if isinstance(link, MarksLink) and link.prompt.text == self._sentences.text:
            self._sentences.mark(link.prompt.instruction_spans)

    def _settle(self) -> None:
        """Follow the text with its sentences, their marks and its tokens."""
        marked = self._sentences
        marked.follow(self._entry.text)
        marked.styles.height = max(3, min(marked.count, max(3, self.size.height // 4)) + 2)
        self._count_tokens()
        self._choose()

    @on(TextArea.Changed, "#entry")
    def _typed(self) -> None:
        if bool(self._entry.text) == self.has_class("-empty"):
            self._choose()
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_TYPING_PAUSE_S, self._typed_on)

    def _typed_on(self) -> None:
        self._settle()
        self._warm_up()

    def _set_template(self, on: bool) -> None:
        box = self.query_one("#template", Checkbox)
        if not box.disabled:
            box.value = on

    @on(Checkbox.Changed, "#template")
    def _count_tokens(self) -> None:
        counts = self.query_one(TokenCounts)
        template = self.query_one("#template", Checkbox).value
        counts.set_prompt(self._sentences.text, chat_template=template)
        counts.ask(self.session, self.ui.status)

    def engine_changed(self, status: EngineStatus) -> None:
        """Learn the tuned model's abilities; count tokens when the engine is idle."""
        for facts in status.models:
            self._learn(facts)
        self.query_one(TokenCounts).ask(self.session, status)
        self._say_what_enter_does()

    def _learn(self, facts: ModelFacts) -> None:
        box = self.query_one("#template", Checkbox)
        if facts.name != self.pair.tuned.name or facts.has_chat_template or box.disabled:
            return
        box.value = False
        box.disabled = True
        box.label = Content(f"no chat template in {self.prose(facts.name)}")

    def _warm_up(self) -> None:
        """Load both models in the background, unless what enter would show is stored."""
        session, chosen = self.session, self._chosen
        if session is None or self._loading.begun:
            return
        template = self.query_one("#template", Checkbox).value
        text = chosen.prompt if isinstance(chosen, Example) else self._entry.text

        def look() -> None:
            worker = get_current_worker()
            stored = all(
                session.cached(request) is not None
                for request in self.pair.requests(text, chat_template=template)
            )
            if not stored and not worker.is_cancelled:
                self.app.call_from_thread(self._loading.begin, session)

        self.run_worker(look, thread=True, exclusive=True, exit_on_error=False, group="warm-up")

    def on_watch_changed(self, message: Watch.Changed) -> None:
        """Show loading progress and its outcome."""
        message.stop()
        news = self._loading.take(message.watch)
        if news is None:
            return
        if isinstance(news.result, ModelFacts):
            self._learn(news.result)
        if news.failure is not None:
            self._show_problem()
        words = self._loading.words
        self.query_one("#progress", Lines).show([(words, "dim")] if words else [])

    def tasks(self) -> list[Task]:
        return self._loading.tasks()

    def _show_problem(self, text: str = "") -> None:
        words = text or self._loading.problems
        line = self.query_one("#problem", Static)
        line.update(words)
        line.set_class(bool(words), "shown")

    async def _run(self) -> None:
        prompt = self.current()
        if not prompt.text.strip():
            self._show_problem("The prompt is empty. Type one, or choose an example.")
            self._entry.focus()
            return
        if too_long := self.query_one(TokenCounts).too_long:
            self._show_problem(refusal(too_long))
            self._entry.focus()
            return
        self._loading.forget_problems()
        self._show_problem()
        self.ui.update_state(draft=prompt, history=remember(self.ui.state.history, prompt))
        self.run_worker(
            self.ui.save_state, thread=True, exclusive=True, exit_on_error=False, group="state"
        )
        self.query_one("#history", ItemList).show(len(self.ui.state.history), cursor=0)
        await self.ui.open_link(PromptLink(prompt))

    @on(ItemList.Chosen, "#examples")
    async def _example_chosen(self, message: ItemList.Chosen) -> None:
        self.load(self.pair.examples[message.index])
        await self._run()

    @on(ItemList.Toggled, "#examples")
    def _example_taken(self, message: ItemList.Toggled) -> None:
        self.load(self.pair.examples[message.index])
        self._entry.focus()

    @on(ItemList.Chosen, "#history")
    async def _past_chosen(self, message: ItemList.Chosen) -> None:
        self.load(self.ui.state.history[message.index])
        await self._run()

    @on(ItemList.Toggled, "#history")
    def _past_taken(self, message: ItemList.Toggled) -> None:
        self.load(self.ui.state.history[message.index])
        self._entry.focus()

    @on(Button.Pressed, "#run")
    async def action_run(self) -> None:
        """Run the prompt; an empty entry stands for the example that is shown."""
        if self._entry.has_focus and self.ui.text_follows():
            self.action_newline()
            return
        if not self._entry.text and isinstance(self._chosen, Example):
            self.load(self._chosen)
        await self._run()

    def action_undo(self) -> None:
        self._entry.undo()

    def action_newline(self) -> None:
        self._entry.write("\n")

    def action_focus_entry(self) -> None:
        self._entry.focus()

    def action_clear_entry(self) -> None:
        """Empty the entry; undo brings the text back."""
        self._sentences.forget()
        self._entry.clear()
        self._entry.focus()

    def action_template(self) -> None:
        box = self.query_one("#template", Checkbox)
        if box.disabled:
            self.ui.say("The tuned model's tokenizer has no chat template.", severity="warning")
        else:
            box.toggle()

    def leave(self) -> None:
        """Save the entry as the draft."""
        text, marked = self._entry.text, self._sentences
        template = self.query_one("#template", Checkbox).value
        spans = marked.spans if text == marked.text else ()
        self.ui.update_state(draft=Prompt(text, spans, template) if text.strip() else None)
