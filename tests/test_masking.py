"""Masking: what a report never shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks import words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db:5432/shop", "postgres://app:***@db:5432/shop"),
        ("redis://:hunter2@cache/0", "redis://:***@cache/0"),
        ("http://u:p@ss@host/", "http://u:***@host/"),
        ("https://host/path?token=abc&x=1", "https://host/path?token=***&x=1"),
        ("psql --password hunter2 shop", "psql --password *** shop"),
        ("DB_PASSWORD=hunter2 make", "DB_PASSWORD=*** make"),
        ("postgres://u:pa/ss@db/shop", "postgres://u:***@db/shop"),
        ("https://ghp_0123456789abcdefghij@github.com/x", "https://***@github.com/x"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("Server=h;Pwd=hunter2;", "Server=h;Pwd=***;"),
        ("AccountName=a;AccountKey=abc==;", "AccountName=a;AccountKey=***;"),
        ("host=h password='pa ss' user=u", "host=h password=*** user=u"),
        ('{"token": "abc def", "x": 1}', '{"token": ***, "x": 1}'),
        ("snowflake://u:p@acc/db?private_key=xyz&role=r", "snowflake://u:***@acc/db?private_key=***&role=r"),
        ("127.0.0.1:50214 -> 127.0.0.1:8081", "127.0.0.1:50214 -> 127.0.0.1:8081"),
        ("task that refreshes a token now", "task that refreshes a token now"),
    ],
)
def test_secrets_are_masked(text: str, shown: str) -> None:
    """Passwords in URLs and after their names; addresses and prose stay."""
    assert words.masked(text) == shown


@given(st.from_regex(r"[A-Za-z0-9!$%*+._:@/?#&=~-]{6,20}", fullmatch=True))
def test_no_password_survives_in_a_url(password: str) -> None:
    """Whatever signs it has."""
    assert password not in words.masked(f"amqp://someone:{password}@broker/queue")


def test_code_keeps_its_keywords() -> None:
    """A source line names variables, not secrets; only its URLs are masked."""
    assert words.without_userinfo("f(password=pw, url='a://b:c@d')") == "f(password=pw, url='a://b:***@d')"
