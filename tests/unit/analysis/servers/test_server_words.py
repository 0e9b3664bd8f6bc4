"""The reason in what a server sends, however odd."""

from __future__ import annotations

import pytest

from analysis.servers.server_words import code, decoded, reason


def nested(depth: int) -> object:
    said: object = "deep down"
    for _ in range(depth):
        said = {"error": said}
    return said


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"error": {"message": "a", "code": 1}}, "a"),
        ({"error": None, "detail": "b"}, "b"),
        ({"error": {}, "message": "c"}, "c"),
        ({"error": True, "message": "d"}, "d"),
        ({"errors": ["e", {"message": "f"}, "e"]}, "e; f"),
        ({"detail": [{"loc": ["body", 0], "msg": "g"}]}, "body.0: g"),
        ({"detail": {"reason": "h"}}, "h"),
        ({"odd": "i"}, '{"odd": "i"}'),
        ([{"error": {"message": "j"}}], "j"),
        ("  k\n\tl ", "k l"),
        ({"message": "<html><body>m <b>n</b></body></html>"}, "m n"),
        ("<?xml version='1.0'?><Error><Code>o</Code></Error>", "o"),
        ("a < b", "a < b"),
        (None, ""),
        (7, ""),
        ({}, ""),
        ([], ""),
        (nested(3), "deep down"),
    ],
)
def test_the_reason_is_found(said, wanted):
    assert reason(said) == wanted


def test_what_has_no_bottom_is_given_up():
    assert "deep down" in reason(nested(50)) or reason(nested(50)) == ""
    assert reason(decoded("[" * 100_000)) == "[" * 100_000


def test_a_page_is_not_quoted_as_a_whole():
    assert len(reason("<html>" + "<p>words</p>" * 1000)) < 130


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"error": {"code": "content_filter"}}, "content_filter"),
        ({"error": {"code": 402}}, "402"),
        ({"error": "text", "code": 400}, "400"),
        ({"error": {"code": None}}, ""),
        ({"error": {"code": True}}, ""),
        ("text", ""),
        (None, ""),
    ],
)
def test_the_code_is_found(said, wanted):
    assert code(said) == wanted
