"""What a search of the Components view leads to: a neuron, an expert, a category, a word."""

from __future__ import annotations

from textual import on

from analysis.neurons.gather import Place
from app.views.neurons.members import Cell, Kind
from app.views.neurons.news import ComponentNews
from app.views.neurons.search import Word, find_component
from app.views.neurons.word_search import WordSearch
from app.widgets.search_bar import SearchBar


class ComponentSearching(ComponentNews):
    """Opens lists and neurons, of the cell looked at or of what is sought."""

    def _turn_to(self, page: str) -> None:
        if page in ("maps", "list"):
            # From there nothing leads back to what a search found.
            self._stop_search()
        super()._turn_to(page)

    def _open_list(self, cell: Cell, kind: Kind = "all", cursor: int = 0) -> None:
        self._list.kind = kind
        self._list.show_cell(self._atlas, cell, self._names)
        self._list.items.move_cursor(cursor)
        self._turn_to("list")

    def _open_neuron(self, place: Place) -> None:
        assert self._jobs is not None
        if self._page != "neuron":
            self._neuron_from = self._page
        self._jobs.open_neuron(place)
        self._turn_to("neuron")

    def action_find(self) -> None:
        """Open the search bar."""
        if self._page != "words":
            search = self._search if self._page == "found" else None
            # A word that is none is there to be mended.
            failed = search is not None and search.jobs.problem is not None
            word = search.word if search is not None and failed else ""
            self.query_one("#search", SearchBar).open(word)

    @on(SearchBar.Sought, "#search")
    def _sought(self, message: SearchBar.Sought) -> None:
        if not message.finished:
            return
        text = message.text.strip()
        found = find_component(text, self._atlas) if text else None
        match found:
            case None:
                self._focus_page()
            case str():
                self.ui.say(found)
                message.bar.open(text)
            case (layer, expert):
                self._open_expert(layer, expert)
            case (layer, expert, neuron):
                self._open_neuron((layer, expert, neuron))
            case Word(word):
                self._search_word(word)
            case category:
                self._go_to_category(category)

    def _search_word(self, word: str) -> None:
        """List the neurons that write a word."""
        assert self.ui.session is not None
        if self._search is not None:
            self._search.jobs.stop()
        layers = self._atlas.layers
        self._search = WordSearch(word, self._workspace, self.ui.session, self, layers)
        self._turn_to("found")

    def _open_expert(self, layer: int, expert: int) -> None:
        """The neurons of an expert that the categories looked at need."""
        cell = self._list.cell if self._page == "list" else None
        looked_at = cell or self._maps.cell(self._atlas)
        self._behind.clear()
        self._open_list(Cell("neurons", looked_at.categories, layer, expert))

    def _go_to_category(self, category: int) -> None:
        """In a list to the list of the category, else to its place on the maps."""
        cell = self._list.cell
        if self._page == "list" and cell is not None:
            self._open_list(cell._replace(categories=(category,)), self._list.kind)
            return
        row, _ = self._maps.cursor
        overlaps = self._maps.shown == "overlaps"
        self._maps.put_cursor(category if overlaps else row, category)
        self._turn_to("maps")

    def _stop_search(self) -> bool:
        """Stop the search for a word; whether it ran."""
        jobs = None if self._search is None else self._search.jobs
        if jobs is None or jobs.layer is None:
            return False
        jobs.stop()
        return True
