"""Lists of kinds: the algebra holds for every list, and wrong names are said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks.errors import SettingError
from no_leaks.kindlist import NO_CHANGE, parse_kinds, read_change
from no_leaks.names import DEFAULT, GROUPS, HANDLES, KINDS, NAMES

signed: list[str] = [*NAMES, *(f"-{name}" for name in NAMES)]
lists: st.SearchStrategy[list[str]] = st.lists(st.sampled_from(signed), max_size=6)
sets = st.frozensets(st.sampled_from(KINDS))


def by_hand(words: list[str], inherited: frozenset[str]) -> frozenset[str]:
    """Say the rule as a loop: left to right, from the inherited set where nothing is added."""
    result = set(inherited) if all(word.startswith("-") for word in words) else set[str]()
    for word in words:
        name = word.removeprefix("-")
        members = GROUPS.get(name, (name,))
        if word.startswith("-"):
            result.difference_update(members)
        else:
            result.update(members)
    return frozenset(result)


def is_void(words: list[str]) -> bool:
    return not by_hand(words, frozenset(KINDS))


@given(lists.filter(lambda words: not is_void(words)), sets)
def test_a_list_means_what_reading_it_left_to_right_means(words: list[str], inherited: frozenset[str]) -> None:
    """The compact change and the plain loop agree on every list and every inherited set."""
    assert parse_kinds(",".join(words), inherited=inherited, where="x") == by_hand(words, inherited)


@given(lists.filter(lambda words: not is_void(words)), sets, st.sampled_from([",", " ", ", ", "\n"]))
def test_strings_lists_and_separators_mean_the_same(
    words: list[str], inherited: frozenset[str], separator: str
) -> None:
    """Commas, blanks, line breaks and Python lists are one notation."""
    text = parse_kinds(separator.join(words), inherited=inherited, where="x")
    assert (
        text
        == parse_kinds(words, inherited=inherited, where="x")
        == parse_kinds(tuple(words), inherited=inherited, where="x")
    )


@given(lists.filter(lambda words: not is_void(words)), sets)
def test_a_list_applied_twice_changes_nothing_more(words: list[str], inherited: frozenset[str]) -> None:
    """A layer may be laid over its own result."""
    change = read_change(words, "x")
    assert change.on(change.on(inherited)) == change.on(inherited)


@given(lists.map(lambda words: [*words, "-all"]))
def test_a_list_that_can_leave_no_kind_is_refused(words: list[str]) -> None:
    """Detection is never switched off by a list that contradicts itself."""
    with pytest.raises(SettingError, match="leaves no kind to check"):
        read_change(words, "x")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=5), sets)
def test_toggles_work_on_the_inherited_set(toggles: list[tuple[str, bool]], inherited: frozenset[str]) -> None:
    """A toggle that adds does not narrow, other than a name in a list."""
    change, expected = NO_CHANGE, set(inherited)
    for name, add in toggles:
        change = change.then(name, add=add)
        members = GROUPS.get(name, (name,))
        expected = expected.union(members) if add else expected.difference(members)
    assert change.on(inherited) == expected


def test_groups_are_what_the_design_says() -> None:
    """`handles`, `default` and `all` name their members."""
    parsed = [parse_kinds(name, inherited=frozenset(), where="x") for name in ("handles", "default", "all")]
    assert parsed == [frozenset(HANDLES), frozenset(DEFAULT), frozenset(KINDS)]


def test_the_example_of_the_design_holds() -> None:
    """`default,state,-memory` is the default set with one more and one less."""
    expected = frozenset(DEFAULT) - {"memory"} | {"state"}
    assert parse_kinds("default,state,-memory", inherited=frozenset({"files"}), where="x") == expected


def test_an_unknown_kind_names_the_place_the_likely_kind_and_all_valid_ones() -> None:
    """The error says where, what was meant and what there is."""
    with pytest.raises(SettingError) as caught:
        parse_kinds("sokets", inherited=frozenset(DEFAULT), where="--no-leaks-kinds")
    assert caught.value.where == "--no-leaks-kinds"
    assert caught.value.valid == NAMES
    assert "'sokets' is not a kind; did you mean 'sockets'?; valid are: files, sockets" in str(caught.value)


@pytest.mark.parametrize("wrong", ["-sokets", "zzz", "-", "--files", "files;sockets"])
def test_a_word_that_is_no_kind_is_refused(wrong: str) -> None:
    """A misspelt removal and a wrong separator are errors like any other."""
    with pytest.raises(SettingError, match="is not a kind"):
        read_change(wrong, "x")


@pytest.mark.parametrize("wrong", [None, 3, b"files", {"files"}, ["files", 3]])
def test_what_is_neither_text_nor_a_list_of_it_is_refused(wrong: object) -> None:
    """Sets have no order, and the order counts; other types name nothing."""
    with pytest.raises(SettingError, match="is not a kind"):
        read_change(wrong, "x")
