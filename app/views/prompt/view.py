"""The Prompt view: enter or choose a prompt, mark its instructions, run both models."""

from __future__ import annotations

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
from analysis.models.request import LoadRequest
from analysis.models.tokens import Span
from analysis.problems import Problem
from analysis.request import ModelChoice
from analysis.saliency.cases.instructions import sentences
from app.frame.actions import bindings
from app.frame.view import View
from app.jobs.progress_text import progress_text
from app.links import Link, MarksLink, PromptLink
from app.marking import is_marked, marks_by_sentence, spans_after_edit, toggled
from app.state import Prompt, remember
from app.terminal.text import prose
from app.views.prompt.token_counts import TokenCounts
from app.widgets.item_list import ItemList
from app.widgets.lines import Line, Lines
from app.widgets.prompt_entry import CheckBox, PromptEntry, PushButton
from app.workspace import Example

if TYPE_CHECKING:
    from app.jobs.watch import Watch

# Pause in typing after which sentences and tokens are updated.
_TYPING_PAUSE_S = 0.25


class PromptView(View):
    """Entry, sentences, tokens and controls on the left, examples and history on the right."""

    SCOPE = "prompt"
    BINDINGS: ClassVar[list[BindingType]] = bindings("prompt")
    HELP = (
        "Type or paste a prompt, or choose an example (enter runs it, space puts it into the entry "
        "to edit). Both models continue the same raw text, as in the paper; the chat template, "
        "where the tuned model has one, wraps the text for that model only.\n\n"
        "Each answers greedily, token by token, up to 300 tokens. Then the importance of every "
        "prompt token x_n for every response token y_m is computed,\n\n"
        "    I[n, m] = E[x_n] · ∂ log p(y_m | x, y_<m) / ∂E[x_n]\n\n"
        "Sentences marked ▌ count as instruction, the others as context. The first guess follows "
        "layout and first words; space on a sentence corrects it. The marks decide the instruction "
        "score, not the maps.\n\n"
        "Results are kept on disk: the same prompt is answered at once next time."
    )

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._spans: tuple[Span, ...] = ()
        self._decided: dict[str, bool] = {}
        self._sentences: list[Span] = []
        self._settled_text = ""
        # Text last loaded from an example, the history or the previous run.
        self._loaded_text = ""
        self._pause: Timer | None = None
        self._loading: list[Watch] = []
        self._problems: list[Problem] = []

    @property
    def _models(self) -> tuple[ModelChoice, ModelChoice]:
        return self.pair.base, self.pair.tuned

    def compose(self) -> ComposeResult:
        tuned = self.prose(self._models[1].name)
        with Horizontal():
            with Vertical(id="writing"):
                yield PromptEntry(id="entry")
                yield ItemList(
                    self._draw_sentence,
                    empty="Sentences of the prompt appear here.",
                    id="sentences",
                )
                yield TokenCounts(self._models, ascii_only=self.ui.settings.ascii, id="tokens")
                with Horizontal(id="controls"):
                    yield PushButton("Run", id="run")
                    box = CheckBox(id="template", compact=True)
                    box.label = Content(f"chat template for {tuned}")
                    yield box
            with Vertical(id="choosing"):
                yield ItemList(self._draw_example, id="examples")
                yield ItemList(self._draw_past, empty="Prompts you ran appear here.", id="history")
        yield Static("", id="problem", markup=False)
        yield Lines(id="progress")

    def on_mount(self) -> None:
        titles = {
            "#entry": "Prompt",
            "#sentences": "Sentences · ▌ instruction · space marks",
            "#examples": "Examples · enter runs",
            "#history": "History",
        }
        for selector, title in titles.items():
            self.query_one(selector).border_title = title
        self.query_one("#examples", ItemList).show(len(self.pair.examples))
        self.query_one("#history", ItemList).show(len(self.ui.state.history))
        if self.ui.state.draft is not None:
            self.load(self.ui.state.draft)
        else:
            self._settle()

    def connected(self) -> None:
        """Load the models in the background."""
        self._warm_up()

    def enter(self) -> None:
        """Focus the examples at first, later whatever had the focus."""
        if self._loading == [] and self.ui.session is not None:
            self._warm_up()
        target = "#examples" if self.pair.examples else "#entry"
        last = getattr(self, "_last_focus", None)
        (last or self.query_one(target)).focus()

    def on_descendant_focus(self) -> None:
        self._last_focus = self.screen.focused

    def _draw_example(self, index: int, width: int) -> Line:
        return [(f" {self.prose(self.pair.examples[index].title)}", "")]

    def _draw_past(self, index: int, width: int) -> Line:
        return [(f" {self.prose(self.ui.state.history[index].text[:200])}", "")]

    def _draw_sentence(self, index: int, width: int) -> Line:
        span = self._sentences[index]
        text = self.prose(self._settled_text[span[0] : min(span[1], span[0] + 400)])
        if is_marked(span, self._spans):
            return [("# " if self.ui.settings.ascii else "▌ ", "accent"), (text, "")]
        return [("  ", ""), (text, "dim")]

    def current(self) -> Prompt:
        """The current prompt with its marks."""
        self._settle()
        return Prompt(self._settled_text, self._spans, self.query_one("#template", Checkbox).value)

    def load(self, prompt: Prompt | Example) -> None:
        """Put a prompt with its marks into the entry; marks are guessed if it has none."""
        text = prompt.text if isinstance(prompt, Prompt) else prompt.prompt
        if isinstance(prompt, Prompt):
            self._set_template(prompt.chat_template)
        self._decided = (
            marks_by_sentence(text, spans) if (spans := prompt.instruction_spans) else {}
        )
        self._spans = spans
        entry = self.query_one("#entry", PromptEntry)
        entry.load_text(text)
        self._loaded_text = text
        self._settle(keep=bool(spans))

    def take_paste(self, text: str) -> None:
        """Paste into the prompt, replacing a loaded one that was not edited."""
        entry = self.query_one("#entry", PromptEntry)
        replaced = entry.text == self._loaded_text
        entry.paste(text, instead=replaced)
        if replaced and self._loaded_text.strip():
            self.ui.say("The paste took the place of the prompt before; ctrl-_ brings that back.")

    def open(self, link: Link) -> None:
        """Take over marks changed in another view, if the prompt is still the same."""
        if isinstance(link, MarksLink) and link.prompt.text == self._settled_text:
            self._spans = link.prompt.instruction_spans
            self._decided = marks_by_sentence(self._settled_text, self._spans)
            self._show_sentences()

    def _settle(self, *, keep: bool = False) -> None:
        """Update sentences and marks from the text; `keep` keeps the marked spans."""
        text = self.query_one("#entry", PromptEntry).text
        if text != self._settled_text or not self._sentences:
            self._settled_text = text
            self._sentences = sentences(text)
            if not keep:
                self._spans = spans_after_edit(text, self._decided)
        self._show_sentences()
        self._count_tokens()

    def _show_sentences(self) -> None:
        marks = self.query_one("#sentences", ItemList)
        marks.show(len(self._sentences))
        marks.styles.height = max(3, min(len(self._sentences), max(3, self.size.height // 4)) + 2)

    @on(TextArea.Changed, "#entry")
    def _typed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(_TYPING_PAUSE_S, self._settle)

    @on(Checkbox.Changed, "#template")
    def _template_changed(self) -> None:
        self._count_tokens()

    def _set_template(self, on: bool) -> None:
        box = self.query_one("#template", Checkbox)
        if not box.disabled:
            box.value = on

    def _count_tokens(self) -> None:
        counts = self.query_one(TokenCounts)
        counts.set_prompt(
            self._settled_text, chat_template=self.query_one("#template", Checkbox).value
        )
        counts.ask(self.ui.session, self.ui.status)

    def engine_changed(self, status: EngineStatus) -> None:
        """Learn the tuned model's abilities; count tokens when the engine is idle."""
        for facts in status.models:
            self._learn(facts)
        self.query_one(TokenCounts).ask(self.ui.session, status)

    def _learn(self, facts: ModelFacts) -> None:
        box = self.query_one("#template", Checkbox)
        if facts.name != self._models[1].name or facts.has_chat_template or box.disabled:
            return
        box.value = False
        box.disabled = True
        box.label = Content(f"no chat template in {self.prose(facts.name)}")

    def _warm_up(self) -> None:
        """Load both models in the background, unless the likely first answer is stored."""
        first = self.ui.state.draft or (
            Prompt(self.pair.examples[0].prompt) if self.pair.examples else None
        )
        session = self.ui.session
        assert session is not None

        def look() -> None:
            worker = get_current_worker()
            stored = first is not None and all(
                session.cached(request) is not None
                for request in self.pair.requests(first.text, chat_template=first.chat_template)
            )
            if not stored and not worker.is_cancelled:
                self.app.call_from_thread(self._load_models)

        self.run_worker(look, thread=True, exclusive=True, exit_on_error=False, group="warm-up")

    def _load_models(self) -> None:
        # Imports numpy, which the first paint does without.
        from app.jobs.watch import Watch

        session = self.ui.session
        if session is not None and not self._loading:
            self._loading = [Watch(session, LoadRequest(model), self) for model in self._models]

    def on_watch_changed(self, message: Watch.Changed) -> None:
        """Show loading progress and its outcome."""
        message.stop()
        watch = message.watch
        news = watch.take()
        if watch not in self._loading:
            return
        progress = self.query_one("#progress", Lines)
        if news.progress is not None:
            progress.show([(progress_text(watch.request.models()[0].name, news.progress), "dim")])
        if isinstance(news.result, ModelFacts):
            self._learn(news.result)
        if news.failure is not None:
            self._problems.append(news.failure)
            self._show_problem()
        if all(other.ended for other in self._loading):
            progress.show()

    def _show_problem(self, text: str = "") -> None:
        words = text or "\n".join(prose(str(problem)) for problem in self._problems)
        line = self.query_one("#problem", Static)
        line.update(words)
        line.set_class(bool(words), "shown")

    async def _run(self) -> None:
        prompt = self.current()
        if not prompt.text.strip():
            self._show_problem("The prompt is empty. Type one, or choose an example.")
            self.query_one("#entry").focus()
            return
        self._problems.clear()
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
        self.query_one("#entry").focus()

    @on(ItemList.Chosen, "#history")
    async def _past_chosen(self, message: ItemList.Chosen) -> None:
        self.load(self.ui.state.history[message.index])
        await self._run()

    @on(ItemList.Toggled, "#history")
    def _past_taken(self, message: ItemList.Toggled) -> None:
        self.load(self.ui.state.history[message.index])
        self.query_one("#entry").focus()

    @on(ItemList.Toggled, "#sentences")
    @on(ItemList.Chosen, "#sentences")
    def _sentence_toggled(self, message: ItemList.ItemMessage) -> None:
        self._settle()
        if message.index < len(self._sentences):
            self._spans = toggled(self._sentences[message.index], self._spans)
            self._decided = marks_by_sentence(self._settled_text, self._spans)
            message.items.refresh()

    @on(Button.Pressed, "#run")
    async def _run_pressed(self) -> None:
        await self._run()

    async def action_run(self) -> None:
        await self._run()

    def action_focus_entry(self) -> None:
        self.query_one("#entry").focus()

    def action_clear_entry(self) -> None:
        self._decided = {}
        self.query_one("#entry", PromptEntry).load_text("")
        self.action_focus_entry()

    def action_template(self) -> None:
        box = self.query_one("#template", Checkbox)
        if box.disabled:
            self.ui.say("The tuned model's tokenizer has no chat template.", severity="warning")
        else:
            box.toggle()

    def action_leave(self) -> None:
        """Leave the entry for the examples, so that plain keys work; else stop loading."""
        if isinstance(self.screen.focused, PromptEntry):
            target = "#examples" if self.pair.examples else "#run"
            self.query_one(target).focus()
            return
        for watch in self._loading:
            if not watch.ended:
                watch.cancel()

    def leave(self) -> None:
        """Save the entry as the draft."""
        text = self.query_one("#entry", PromptEntry).text
        template = self.query_one("#template", Checkbox).value
        spans = self._spans if text == self._settled_text else ()
        self.ui.update_state(draft=Prompt(text, spans, template) if text.strip() else None)
