"""The command line: what is ours and what goes on to pytest."""

import pytest

from config.stack.__main__ import arguments


@pytest.mark.parametrize("words", [[], ["tests/core", "-x"], ["--durations=20"], ["-k", "split", "--lf", "tests"]])
def test_pytest_gets_its_arguments_as_they_were_given(words: list[str]) -> None:
    assert arguments(["test", *words]).words == words
