"""Settings: layers merge so that the nearest wins, and marker and library speak the same words."""

from __future__ import annotations

import re
import sys
import warnings

import pytest

from no_leaks.config import (
    ANY_NAME,
    KEYWORDS,
    Allowance,
    Layer,
    Settings,
    allowing_layer,
    checking_layer,
    library_settings,
    merge,
)
from no_leaks.errors import FilterWarning, SettingError
from no_leaks.names import DEFAULT, KINDS, NAMES

FULL = Layer(
    enabled=True,
    grace_s=2.0,
    confirm="never",
    confirm_limit_s=7.0,
    budget=3.0,
    rounds=7,
    prove_growth=True,
    action="warn",
    strict=True,
    allowances=(Allowance("a"),),
    kind_actions=(("tasks", "log"),),
    task_name_filter="t",
    thread_name_filter=re.compile("w"),
    exclude_daemon_threads=True,
    blocking_threshold_s=1.0,
    blocking_check_interval_s=0.5,
)


def test_an_empty_layer_changes_nothing() -> None:
    """What a layer does not say is taken from below."""
    base = merge(Settings(), FULL)
    assert merge(base, Layer()) == base


def test_a_full_layer_changes_everything_it_says() -> None:
    """Every field of a layer reaches the settings."""
    merged = merge(Settings(), FULL)
    said = set(Layer._fields) - {"kinds", "remarks", "off"}
    assert {name: getattr(merged, name) for name in said} == {name: getattr(FULL, name) for name in said}


def test_settings_and_layer_have_the_same_fields() -> None:
    """A new setting is not forgotten in the layer; only remarks are the layer's own."""
    assert set(Layer._fields) - set(Settings._fields) == {"remarks"}
    assert set(Settings._fields) <= set(Layer._fields)


def test_the_nearer_layer_wins_setting_by_setting() -> None:
    """A nearer layer overrides what it says and leaves the rest."""
    merged = merge(
        merge(Settings(), checking_layer([], {"grace": 2, "strict": True})), checking_layer([], {"grace": 3})
    )
    assert (merged.grace_s, merged.strict) == (3.0, True)


def test_off_wins_over_every_nearer_layer() -> None:
    """Once switched off for good, a marker cannot switch on."""
    assert not merge(merge(Settings(), Layer(off=True)), checking_layer([True], {})).enabled


def test_allowances_accumulate_once_each() -> None:
    """Markers add up, and reading an item's markers twice adds nothing."""
    first, second = allowing_layer(["files"], {"reason": "a"}), allowing_layer([], {"reason": "b"})
    merged = merge(merge(merge(Settings(), first), second), first)
    assert merged.allowances == (Allowance("a", ("files",)), Allowance("b"))


def test_kind_actions_merge_by_kind() -> None:
    """The nearer action of one kind leaves the action of another."""
    below = merge(Settings(), checking_layer([], {"task_action": "log", "thread_action": "warn"}))
    merged = merge(below, checking_layer([], {"task_action": "raise"}))
    assert dict(merged.kind_actions) == {"tasks": "raise", "threads": "warn"}


@pytest.mark.parametrize("name", ["task_name_filter", "thread_name_filter"])
def test_a_filter_of_none_lifts_the_filter_below(name: str) -> None:
    """None is a value that a nearer marker may set."""
    below = merge(Settings(), checking_layer([], {name: "worker"}))
    assert getattr(merge(below, checking_layer([], {name: None})), name) is None
    assert getattr(checking_layer([], {name: None}), name) is ANY_NAME


@pytest.mark.parametrize(("args", "enabled"), [([], True), ([True], True), ([False], False), (["files"], True)])
def test_naming_the_marker_switches_on_unless_it_says_false(args: list[object], enabled: bool) -> None:
    """A bare marker is on, `no_leaks(False)` is off."""
    assert checking_layer(args, {}).enabled is enabled


def test_enabled_false_switches_off() -> None:
    """The keyword says the same as the position."""
    assert checking_layer([], {"enabled": False}).enabled is False


@pytest.mark.parametrize(
    ("args", "keywords"), [([False, "files"], {}), ([True, False], {}), ([False], {"enabled": True})]
)
def test_true_or_false_with_other_words_is_refused(args: list[object], keywords: dict[str, object]) -> None:
    """Contradictions are not resolved by guessing."""
    with pytest.raises(SettingError, match="True or False stands alone"):
        checking_layer(args, keywords)


@pytest.mark.parametrize(
    "args", [["tasks", "sockets"], ["tasks,sockets"], [["tasks", "sockets"]], [("tasks", "sockets")]]
)
def test_positional_kinds_narrow(args: list[object]) -> None:
    """Names replace the inherited kinds, however they are written."""
    assert library_settings(*args).kinds == {"tasks", "sockets"}


def test_a_keyword_of_a_kind_toggles_it_on_the_inherited_set() -> None:
    """True adds and False takes out; the others stay."""
    assert library_settings(memory=False, state=True).kinds == frozenset(DEFAULT) - {"memory"} | {"state"}


def test_a_keyword_of_a_group_toggles_all_of_it() -> None:
    """Groups are keywords as well."""
    assert library_settings(all=False, tasks=True).kinds == {"tasks"}


def test_toggles_come_after_positional_kinds() -> None:
    """A list may be amended in the same call."""
    assert library_settings("handles", fds=False, tasks=True).kinds == {"files", "sockets", "pipes", "tasks"}


def test_all_is_every_kind() -> None:
    """`no_leaks("all")` holds pyleak's three, and all the others."""
    assert library_settings("all").kinds == frozenset(KINDS)


def test_a_call_that_can_leave_no_kind_is_refused() -> None:
    """Checking nothing has its own word."""
    with pytest.raises(SettingError, match="leaves no kind to check; no_leaks\\(False\\) switches checking off"):
        library_settings("threads", threads=False)


def test_every_keyword_of_pyleak_is_accepted() -> None:
    """Its users change the import and nothing else."""
    settings = library_settings(
        tasks=True,
        task_action="raise",
        task_name_filter=None,
        enable_task_creation_tracking=False,
        threads=True,
        thread_action="warn",
        thread_name_filter=re.compile("^(?!asyncio)"),
        exclude_daemon_threads=True,
        blocking=True,
        blocking_action="cancel",
        blocking_threshold=0.3,
        blocking_check_interval=0.02,
    )
    assert settings.kinds == frozenset(DEFAULT) | {"blocking"}
    assert dict(settings.kind_actions) == {"tasks": "raise", "threads": "warn", "blocking": "cancel"}
    assert (settings.blocking_threshold_s, settings.blocking_check_interval_s) == (0.3, 0.02)
    assert settings.exclude_daemon_threads


@pytest.mark.parametrize("keyword", [*KEYWORDS, *NAMES])
def test_every_keyword_refuses_a_value_of_another_type_and_says_where(keyword: str) -> None:
    """No keyword swallows nonsense; the error names marker and keyword."""
    with pytest.raises(SettingError) as caught:
        checking_layer([], {keyword: object()}, "tests/test_a.py::test_x")
    assert str(caught.value).startswith(f"tests/test_a.py::test_x: no_leaks({keyword}=...): <object object")


def test_an_unknown_keyword_names_the_likely_and_all_valid_ones() -> None:
    """A misspelt keyword is not ignored."""
    with pytest.raises(SettingError) as caught:
        library_settings(grase=1)
    assert "no_leaks: 'grase' is not a keyword; did you mean 'grace'?" in str(caught.value)
    assert caught.value.valid == (*KEYWORDS, *NAMES)


def test_a_library_call_warns_of_a_filter_at_the_line_of_the_user() -> None:
    """The warning points to who can repair it, and names the repair."""
    with pytest.warns(FilterWarning, match=r"write re.compile\('worker-\.\*'\)") as caught:
        library_settings(task_name_filter="worker-.*", thread_name_filter="w")
    assert caught[0].filename == __file__


def test_a_warning_skips_the_frames_of_this_package() -> None:
    """However deep the library calls, the user's frame is named."""
    from no_leaks import config, env

    namespace: dict[str, object] = {"config": config}
    code = compile(
        "def inner():\n    config.library_settings(task_name_filter='w.*')\n", f"{env.HERE}library.py", "exec"
    )
    exec(code, namespace)
    inner = namespace["inner"]
    assert callable(inner)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inner()
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("reason", [{}, {"reason": ""}, {"reason": "  "}, {"reason": None}, {"reason": 3}])
def test_an_allowance_without_a_reason_is_refused_with_the_fix(reason: dict[str, object]) -> None:
    """The message is the line to write."""
    with pytest.raises(SettingError) as caught:
        allowing_layer(["threads"], reason, "tests/test_a.py")
    assert str(caught.value) == (
        "tests/test_a.py: allow_leaks: needs a reason; write allow_leaks('threads', reason=\"why this is meant\")"
    )


def test_an_allowance_takes_kinds_groups_and_a_pattern() -> None:
    """Kinds are listed in the order of the design, text is compiled."""
    (allowance,) = allowing_layer(["tasks", "handles"], {"match": "pool-.*", "reason": " kept warm "}).allowances
    assert allowance == Allowance("kept warm", ("files", "sockets", "pipes", "fds", "tasks"), re.compile("pool-.*"))


def test_an_allowance_that_only_removes_starts_from_all_kinds() -> None:
    """ "All but memory" is what it reads like."""
    (allowance,) = allowing_layer(["-memory"], {"reason": "a"}).allowances
    assert allowance.kinds == tuple(kind for kind in KINDS if kind != "memory")


def test_an_allowance_refuses_unknown_keywords_and_broken_patterns() -> None:
    """What is misspelt would allow too much."""
    with pytest.raises(
        SettingError, match="'mtach' is not a keyword; did you mean 'match'\\?; valid are: match, reason"
    ):
        allowing_layer([], {"mtach": "a", "reason": "b"})
    with pytest.raises(SettingError, match=r"allow_leaks\(match=\.\.\.\): '\(' is not a regular expression"):
        allowing_layer([], {"match": "(", "reason": "b"})


def test_the_ground_floor_knows_no_pytest() -> None:
    """Settings serve the library where pytest is not installed."""
    import subprocess

    code = "import sys, no_leaks.config; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
