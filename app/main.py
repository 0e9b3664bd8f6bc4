"""The app: header, views, key line, palette, settings. The views own their behaviour."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import Provider
from textual.containers import Vertical
from textual.events import Event, Key, Paste, Resize
from textual.message import Message
from textual.widgets import ContentSwitcher, Input, Static, TextArea

from analysis.events import EngineStatus
from analysis.request import named
from app.config import Settings, state_file
from app.frame.action import Action
from app.frame.actions import ACTIONS, action_of, actions_of, bindings, exists
from app.frame.clipboard import copy_aside
from app.frame.export import save_picture
from app.frame.jobs_panel import EVERY_S, JobsPanel, jobs_of, running_in_words
from app.frame.lines import header, key_line, key_order, keys_in_words
from app.frame.messages import Messages
from app.frame.palette import ActionProvider, Palette
from app.frame.registry import VIEWS, ViewSpec
from app.frame.room import Room
from app.frame.view import View
from app.jobs.prices import Prices
from app.state import State, load_state, save_state
from app.terminal.driver import ForgivingDriver, HarmlessText, driver_class
from app.terminal.key_by_key import KeyByKeyApp
from app.terminal.legibility import Legible
from app.terminal.model_marks import ColouredMarks
from app.terminal.screen import FrugalScreen
from app.widgets.lines import Lines
from app.workspace import PairWorkspace, SessionLike, Workspace

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.widget import Widget

    from app.jobs.examination import Examination
    from app.links import Link


class InsttuiApp(KeyByKeyApp):
    """insttui on a pair of models or on a library of stored cases."""

    TITLE = "insttui"
    CSS_PATH = "main.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    COMMANDS: ClassVar[set[type[Provider]]] = {ActionProvider}  # type: ignore[assignment]
    AUTO_FOCUS = None

    @dataclass
    class EngineChanged(Message):
        """The engine's state changed."""

        status: EngineStatus

    @dataclass
    class ToldToEnd(Message):
        """A signal asked the process to end."""

        signal_number: int

    def __init__(
        self, workspace: Workspace, settings: Settings, *, state_path: Path | None = None
    ) -> None:
        """Args: what to open; the user's settings; where to keep state (default: `state_file`)."""
        super().__init__()
        marks = ColouredMarks(lambda: self.current_theme.dark, enabled=not self.no_color)
        self._filters += [HarmlessText(), marks, Legible.on(self)]
        self.workspace = workspace
        self.settings = settings
        self.status = EngineStatus(state="off")
        self.session: SessionLike | None = None
        self._examination: Examination | None = None
        self._header, self._keys = Lines(id="header"), Lines(id="keys")
        self._painted = False
        self._room = Room()
        self._state_path = state_path or state_file()
        self.state: State = load_state(self._state_path)
        self.prices = Prices(self.state.prices)
        kind = "pair" if isinstance(workspace, PairWorkspace) else "library"
        self.views: tuple[ViewSpec, ...] = tuple(v for v in VIEWS if kind in v.workspaces)
        # View id to the id of the view it was opened from; escape goes back there.
        self._came_from: dict[str, str] = {}
        self._messages = Messages(self)
        self.animation_level = "none"
        self.set_keymap(settings.keys)

    def get_driver_class(self) -> type[Driver]:
        """A driver that no typed byte can crash, or one for a browser."""
        return driver_class()

    def get_default_screen(self) -> FrugalScreen:
        """A screen that sends little, for slow links."""
        return FrugalScreen(id="_default")

    def compose(self) -> ComposeResult:
        """Header, the first view, key line; other views are built when first shown."""
        yield self._header
        with Vertical(id="body"), ContentSwitcher(initial=self.views[0].id, id="views"):
            yield self._build(self.views[0])
        yield Static("", id="too-small", markup=False)
        yield self._keys

    def _build(self, spec: ViewSpec) -> View:
        file = spec.stylesheet
        self.stylesheet.add_source(file.read_text("utf-8"), read_from=(str(file), ""))
        view: View = named(spec.factory)(id=spec.id)
        view.ui = self
        return view

    def on_mount(self) -> None:
        """Set the theme; connect after the first paint."""
        # Paint once, when everything is in place, rather than part by part.
        self._begin_batch()
        wanted = self.settings.theme or self.state.theme
        if wanted in self.available_themes:
            self.theme = wanted
        elif self.settings.theme:
            self.say(f"There is no theme {self.settings.theme!r}.", severity="warning")
        self.watch(self, "theme", lambda theme: self.update_state(theme=theme), init=False)
        self.watch(self.base, "focused", self.refresh_lines, init=False)
        self.view.enter()
        # Twice: once for widgets to learn their sizes, once for what they do in response.
        self.call_after_refresh(self.call_after_refresh, self._paint)

    def _paint(self) -> None:
        self._painted = True
        self._end_batch()
        self.refresh_lines()
        self.base.paint()
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
        gc.enable()  # It was off during startup.
        # The header says how far the running job is.
        self._following = self.set_interval(EVERY_S, self.refresh_lines, pause=True)
        if isinstance(self.workspace, PairWorkspace):
            self.session = self.workspace.connect(
                self._hear_engine, lambda text: self.say(text, severity="warning")
            )
            from app.jobs.examination import Examination  # Not before the first paint.

            self._examination = Examination(self.workspace.pair, self.session, self)
            self.view.connected()
        self.take_keys()
        self.refresh_lines()

    def _hear_engine(self, status: EngineStatus) -> None:
        # Any thread.
        self.post_message(self.EngineChanged(status))

    @property
    def _taken_down(self) -> bool:
        # Messages still arrive while the app shuts down.
        return self._exit or not self.screen_stack or not self._keys.is_attached

    @property
    def base(self) -> FrugalScreen:
        """The screen of the views, below any panel or palette."""
        screen = self.screen_stack[0]
        assert isinstance(screen, FrugalScreen)
        return screen

    @property
    def view(self) -> View:
        """The current view."""
        switcher = self.base.query_one("#views", ContentSwitcher)
        return switcher.query_one(f"#{switcher.current}", View)

    async def show_view(self, name: str) -> View:
        """Show a view, building it the first time, and give it the focus."""
        switcher = self.base.query_one("#views", ContentSwitcher)
        if not switcher.query(f"#{name}"):
            spec = next(spec for spec in self.views if spec.id == name)
            await switcher.add_content(self._build(spec))
        switcher.current = name
        view = self.view
        for each in self.base.query(View):
            each.stand(in_front=each is view)
        view.enter()
        self.refresh_lines()
        return view

    def lead_to(self, name: str) -> None:
        """Make `go_back` return from this view to the current one."""
        self._came_from[name] = self.view.id or ""

    def came_by_link(self, view: Widget) -> bool:
        """Whether a link in another view led to this one."""
        return view.id in self._came_from

    async def go_back(self, view: Widget) -> None:
        """Return from a view to the one that linked to it, or to the first view."""
        if self.view is not view:
            # A second escape, typed before the first took effect.
            return
        origin = self._came_from.pop(view.id or "", "")
        if not origin:
            self._came_from.clear()
        await self.show_view(origin or self.views[0].id)

    def on_resize(self, event: Resize) -> None:
        """Show a message instead of the views if the terminal is too small."""
        self._room.measure(self.base, event.size)
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self._room.restore_focus(self.base)
        self.refresh_lines()

    def refresh_lines(self) -> None:
        """Update header and key line."""
        if self._taken_down or not self._painted:
            return
        typing = self.view.takes_text
        shown = key_order(self.offered(self.view.SCOPE), self.offered("table"))
        if self.status.state == "busy":
            shown.insert(4, ACTIONS["app.jobs"])
        # Both lines are as wide as the terminal, but learn its new size only later.
        keys, width = self.settings.keys, self.size.width
        self._keys.show(key_line(shown, keys, typing=typing, width=width))
        current = str(self.base.query_one("#views", ContentSwitcher).current)
        doing = running_in_words(jobs_of(self.views, self.base), current)
        opened = self.workspace, self.status, self.views, current, self.size
        left, tabs = header(*opened, typing=typing, doing=doing)
        self._header.show(left, right=tabs)

    def offered(self, scope: str = "") -> Sequence[Action]:
        """Available actions: of one scope, or of the view, the focused table and the app."""
        view = self.view
        scopes = [scope] if scope else [view.SCOPE, "table", "app"]
        every = [action for name in scopes for action in actions_of(name)]
        there = [a for a in every if (self._exists(a) if a.scope == "app" else view.allows(a))]
        return [view.worded(action) for action in there]

    def _exists(self, action: Action) -> bool:
        return exists(action, views=len(self.views), pair=isinstance(self.workspace, PairWorkspace))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Whether Textual may call an action of the app."""
        known = action_of("app", action, parameters)
        return known is None or self._exists(known)

    def say(self, text: str, severity: str = "information") -> None:
        """Show a short, harmless notification without markup. A key dismisses it once read."""
        self._messages.say(text, severity)

    async def on_event(self, event: Event) -> None:
        """Dismiss earlier messages when the user types on."""
        if isinstance(event, Key):
            self._messages.key_pressed()
        await super().on_event(event)

    def about_to_press(self, key: Key) -> None:
        """Let the view have a letter that is text to it. A space is a key of lists and boxes."""
        if self.screen is self.base and key.is_printable and key.key != "space":
            self.view.about_to_type()

    def on_paste(self, event: Paste) -> None:
        """Pass a paste to the view if no entry has the focus and no panel is open."""
        if self.screen is self.base and not isinstance(self.focused, TextArea | Input):
            self.view.take_paste(event.text)

    def on_insttui_app_engine_changed(self, message: EngineChanged) -> None:
        """Show the engine's state and pass it on to the views."""
        if self._taken_down:
            return
        self.status = message.status
        self._following.resume() if self.status.state == "busy" else self._following.pause()
        self.refresh_lines()
        if self._examination is not None:
            self._examination.engine_changed(message.status)
        for view in self.base.query(View):
            # A view that is still being built shows the state when it is entered.
            if view.is_mounted:
                view.engine_changed(message.status)

    async def open_link(self, link: Link, *, back: bool = False) -> None:
        """Show a place in a view; with `back`, escape returns to the current view."""
        if back:
            self.lead_to(link.view)
        (await self.show_view(link.view)).open(link)

    def tell(self, link: Link) -> None:
        """Pass a link to its view without showing it; ignored if the view was never shown."""
        for view in self.base.query(f"#{link.view}").results(View):
            view.open(link)

    def perform(self, action: Action) -> None:
        """Run an action chosen in the palette, on the app, the view or its focused table."""
        namespace = self if action.scope == "app" else self.view.performs(action)
        self.call_later(self.run_action, action.action, namespace)

    async def action_show_view(self, number: int) -> None:
        """Show the view with this number."""
        self._came_from.clear()
        await self.show_view(self.views[number].id)

    def action_command_palette(self) -> None:
        """Open the palette."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def search_themes(self) -> None:
        """Open the list of themes."""
        from textual.theme import ThemeProvider

        self.push_screen(Palette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def action_help(self) -> None:
        """Open the help panel of the view."""
        from app.widgets.help_panel import HelpPanel

        here, everywhere = keys_in_words(self.offered(), self.settings.keys, self.views)
        title = next(spec.title for spec in self.views if spec.id == self.view.id)
        self.push_screen(HelpPanel(title, self.view.help(), here, everywhere))

    def action_jobs(self) -> None:
        """Open the list of all jobs."""
        self.push_screen(JobsPanel(lambda: jobs_of(self.views, self.base), self.show_view))

    def action_doctor(self) -> None:
        """Open the page of what the doctor found about the pair."""
        if self._examination is not None:
            self._examination.show()

    def action_save_screen(self) -> None:
        """Save the screen as SVG in the current folder."""
        self.say(*save_picture(self.export_screenshot(), f"insttui-{self.view.id}"))

    def copy(self, text: str) -> None:
        """Copy to tmux or the terminal's clipboard, and to a file; says where it is."""
        copy_aside(self, text, self._state_path.with_name("copied.txt"), self.say)

    def action_copy_command(self) -> None:
        """Copy the commands that write the numbers shown."""
        self.view.copy_commands()

    def update_state(self, **changes: object) -> None:
        """Change the saved state; it is written at exit and when a prompt is run."""
        self.state = replace(self.state, **changes)

    def save_state(self) -> None:
        """Write the state file."""
        save_state(self._state_path, self.state)

    async def action_quit(self) -> None:
        """Quit at once: kill the engine, wait for nothing."""
        self._finish()
        self.exit()

    def _finish(self) -> None:
        for view in self.base.query(View):
            view.leave()
        self.update_state(prices=self.prices.known)
        self.save_state()
        if self.session is not None:
            self.session.close()

    def told_to_end(self, signal_number: int) -> None:
        """Any thread: ask the app to end because of a signal."""
        self.post_message(self.ToldToEnd(signal_number))

    async def on_insttui_app_told_to_end(self, message: ToldToEnd) -> None:
        """End as the quit key does; at once if the terminal is gone."""
        if message.signal_number == signal.SIGHUP:
            self._hang_up()
        elif not self._taken_down:
            await self.action_quit()

    def wake(self) -> None:
        """Any thread: have the event loop run once."""
        self.call_later(lambda: None)

    def restore_terminal(self) -> None:
        """Any thread: restore the terminal for an app that is stuck."""
        if isinstance(self._driver, ForgivingDriver):
            self._driver.restore()

    def _hang_up(self) -> None:
        # The terminal may be gone: Textual's shutdown would write to it until that fails.
        try:
            self._finish()
            self.restore_terminal()
        finally:
            os._exit(128 + signal.SIGHUP)
