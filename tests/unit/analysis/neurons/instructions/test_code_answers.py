"""The natural code answers in Python and SQL do what is asked for."""

from __future__ import annotations

import contextlib
import io
import sqlite3

import pytest

from analysis.neurons.instructions import Instruction, natural_instructions

# What stands before the response, and what must be true after it.
CHECKS = {
    "code/01": ("", "is_palindrome('Nurses, run!') and not is_palindrome('ab')"),
    "code/02": ("a = [1, 2, 3]", "b == [3, 2, 1] and a == [1, 2, 3]"),
    "code/03": ("", "last_two([1, 2, 3]) == (2, 3)"),
    "code/06": ("", "find_dates('2024-03-09, 24-1-1, 2024-04-01') == ['2024-03-09', '2024-04-01']"),
    "code/07": ("", "[binary_search([1, 3, 5, 7], n) for n in (1, 7, 4, 9)] == [0, 3, -1, -1]"),
    "code/08": ("", "sum_even([1, 2, 3, 4]) == 6 and sum_even([]) == 0"),
    "code/10": ("words = ['cat', 'house']", "result == ['HOUSE']"),
    "code/12": ("", "(s := Stack()).is_empty() and [s.push(1), s.push(2), s.pop()][2] == 2"),
    "code/14": ("", "fahrenheit(100) == 212 and fahrenheit(-40) == -40"),
    "code/15": ("", "most_common_words('The cat and the dog and the bird', 2) == ['the', 'and']"),
    "code/16": ("", "repeat('a', 3, '-') == 'a-a-a' and repeat.__annotations__['times'] is int"),
    "code/18": ("", "are_anagrams('Listen', 'silent') and not are_anagrams('abc', 'abd')"),
    "code/20": ("", "[fibonacci(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]"),
    "code/23": ("calls = []", "twice(calls.append)(5) is None and calls == [5, 5]"),
    "code/24": ("", "digit_sum(1234) == 10 and digit_sum(0) == 0"),
    "code/27": ("", "flatten([[1], [], [2, 3]]) == [1, 2, 3]"),
    "code/28": ("", "Book('Dune', 1965, 4.3).year == 1965"),
    "code/30": ("", "fizzbuzz(15)[-1] == 'FizzBuzz' and fizzbuzz(3) == ['1', '2', 'Fizz']"),
    "code/31": ("players = [{'score': 1}, {'score': 2}]", "players[0] == {'score': 2}"),
    "code/32": ("", "gcd(48, 18) == 6 and gcd(7, 5) == 1"),
    "code/35": ("slugify = lambda text: text.lower().replace(' ', '-')", "test_slugify() is None"),
    "code/36": ("", "[factorial(n) for n in (0, 1, 5)] == [1, 1, 120]"),
    "code/38": ("", "list(countdown(3)) == [3, 2, 1] and list(countdown(0)) == []"),
    "code/40": ("", "transpose([[1, 2, 3], [4, 5, 6]]) == [[1, 4], [2, 5], [3, 6]]"),
    "code/41": ("", "iso_date(1700000000) == '2023-11-14'"),
    "code/45": ("", "(t := timer()).__enter__() is t and t.__exit__() is None and t.seconds >= 0"),
    "code/47": ("", "merge([1, 4], [2, 3, 5]) == [1, 2, 3, 4, 5] and merge([], [1]) == [1]"),
    "code/49": (
        "",
        "city_of({}) == 'unknown' and city_of({'address': {'city': 'Oslo'}}) == 'Oslo'",
    ),
    "code/50": ("", "balanced('a(b[c]{d})') and not any(map(balanced, ('(]', '((', ')')))"),
    "code/53": ("items = [3, 1, 3, 2, 1]", "unique == [3, 1, 2]"),
    "code/54": ("", "[from_roman(n) for n in ('XIV', 'MCMXCIV', 'III')] == [14, 1994, 3]"),
}
# Tables, and the rows that a query must give.
QUERIES = {
    "code/04": (
        "create table customers(id, name); insert into customers values (1, 'Ann'), (2, 'Bob');"
        "create table orders(id, customer_id, total); insert into orders values (1, 1, 5);",
        [("Bob",)],
    ),
    "code/22": (
        "create table staff(name, salary);"
        "insert into staff values ('A', 1), ('B', 4), ('C', 3), ('D', 2);",
        [("B", 4), ("C", 3), ("D", 2)],
    ),
    "code/43": (
        "create table orders(id, country);"
        "insert into orders values (1, 'PT'), (2, 'PT'), (3, 'NO');",
        [("PT", 2)],
    ),
}


def instruction(number: str) -> Instruction:
    (found,) = [each for each in natural_instructions().instructions if each.id == number]
    return found


def answer_to(number: str) -> str:
    return instruction(number).response


def printed_by(code: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as written:
        exec(code, {})
    return written.getvalue().strip()


@pytest.mark.parametrize("number", CHECKS)
def test_the_python_does_what_is_asked_for(number):
    before, wanted = CHECKS[number]
    names: dict[str, object] = {"__name__": "answer"}
    exec(before, names)
    # Without this module's own future import.
    exec(compile(answer_to(number), number, "exec", dont_inherit=True), names)
    assert eval(wanted, names)


@pytest.mark.parametrize("number", QUERIES)
def test_the_queries_give_the_rows_asked_for(number):
    tables, rows = QUERIES[number]
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(tables)
        assert database.execute(answer_to(number)).fetchall() == rows


def test_a_script_prints_what_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("name,age\nAnn,30\nBob,40\n")
    assert printed_by(answer_to("code/26")) == "35.0"


def test_what_code_prints_and_an_expression_is_worth_is_said_right():
    assert printed_by(instruction("code/29").input) == answer_to("code/29").splitlines()[0]
    assert printed_by(instruction("code/13").input) == "[1]\n[1, 2]"
    assert printed_by("print(0.1 + 0.2, 0.1 + 0.2 == 0.3)") == "0.30000000000000004 False"
    assert answer_to("code/19").startswith("False.")
    assert "0.30000000000000004" in answer_to("code/19")
    assert str({n: n**2 for n in range(5)}) in answer_to("code/05")
    assert eval(answer_to("code/44"), {"s": "Education"}) == 5


@pytest.mark.parametrize("number", ["code/03", "code/24", "code/42"])
def test_what_is_to_be_corrected_is_wrong(number):
    names: dict[str, object] = {}
    exec(instruction(number).input, names)
    if number == "code/03":
        with pytest.raises(IndexError):
            names["last_two"]([1, 2, 3])
    elif number == "code/24":
        assert names["digit_sum"](1234) == 0
    else:
        assert names["average"]([1, 2, 6]) != 3
        exec(answer_to(number).partition("\n\n")[2], names)
        assert names["average"]([1, 2, 6]) == 3
