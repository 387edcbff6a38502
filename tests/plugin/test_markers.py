"""Markers: the nearest wins, wrong ones stop the run at collection, and a shared mark is read once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from no_leaks.config import Allowance, Settings, checking_layer, merge
from no_leaks.errors import FilterWarning, SettingError
from no_leaks.names import DEFAULT
from no_leaks.plugin import markers, options, table

Collect = Callable[..., list[pytest.Item]]
ON = Settings(enabled=True)


class Wiring:
    """What the plugin's own hooks do with markers, alone; each checked item goes into `checked`."""

    def __init__(self) -> None:
        self.checked: dict[str, Settings] = {}

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        table.add_options(parser)

    def pytest_configure(self, config: pytest.Config) -> None:
        table.add_markers(config)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        found = markers.resolve(items, options.read(config))
        self.checked = {item.name: settings for item, settings in found.items()}


@pytest.fixture
def wiring() -> Wiring:
    """The hooks, and what they found."""
    return Wiring()


@pytest.fixture
def run(pytester: pytest.Pytester, wiring: Wiring) -> Callable[..., pytest.RunResult]:
    """Run pytest on a test file with only the hooks under test."""

    def go(source: str, *args: str) -> pytest.RunResult:
        pytester.makepyfile(test_a="import re, unittest, pytest\nm = pytest.mark.no_leaks\n" + source)
        fixed = ("-p", "no:no_leaks", "-p", "no:pyleak", "-p", "no:randomly", "--strict-markers")
        return pytester.runpytest_inprocess(*fixed, *args, plugins=[wiring])

    return go


@pytest.fixture
def collect(pytester: pytest.Pytester) -> Collect:
    """Collect the items of a test file."""

    def go(source: str) -> list[pytest.Item]:
        text = "import re, unittest, pytest\nm = pytest.mark.no_leaks\n" + source
        pytester.plugins = [Wiring()]  # they register the markers
        arguments = ("-p", "no:no_leaks", "-p", "no:pyleak")
        module = pytester.getmodulecol(text, configargs=arguments)  # pyright: ignore[reportUnknownMemberType]  # pytest leaves configargs untyped
        assert isinstance(module, pytest.Module)
        return pytester.genitems([module])

    return go


def test_an_item_without_markers_has_the_base_itself(collect: Collect) -> None:
    """The usual case makes no new value."""
    (item,) = collect("def test_x(): pass")
    assert markers.settings_of(item, ON) is ON


def test_markers_of_others_are_not_ours(collect: Collect) -> None:
    """skipif and its like change nothing."""
    (item,) = collect("@pytest.mark.skipif(False, reason='')\ndef test_x(): pass")
    assert markers.settings_of(item, ON) is ON


@pytest.mark.parametrize("marker", ["@m", "@m()", "@m(True)", "@m(enabled=True)"])
def test_a_bare_marker_switches_on_with_the_inherited_kinds(collect: Collect, marker: str) -> None:
    """However it is written, it takes the kinds of the layer below."""
    (item,) = collect(f"{marker}\ndef test_x(): pass")
    assert markers.settings_of(item, Settings(kinds=frozenset({"temp"}))) == Settings(True, frozenset({"temp"}))


def test_the_nearest_marker_wins_setting_by_setting(collect: Collect) -> None:
    """Test over class over module; what the nearer does not say comes from the farther."""
    (item,) = collect(
        "pytestmark = m(grace=1, action='warn', strict=True)\n"
        "@m(grace=2, action='fail')\n"
        "class TestX:\n"
        "    @m(grace=3)\n"
        "    def test_x(self): pass\n"
    )
    settings = markers.settings_of(item, Settings())
    assert (settings.grace_s, settings.action, settings.strict) == (3.0, "fail", True)


def test_of_two_markers_on_one_test_the_lower_wins(collect: Collect) -> None:
    """The decorator next to the function is the nearest."""
    (item,) = collect("@m(grace=1)\n@m(grace=2)\ndef test_x(): pass")
    assert markers.settings_of(item, ON).grace_s == 2.0


def test_a_class_wins_over_the_class_it_extends(collect: Collect) -> None:
    """pytest lists marks of base classes first; the class itself is nearer all the same."""
    items = collect(
        "@m(grace=1, strict=True)\n"
        "class Base:\n"
        "    def test_x(self): pass\n"
        "class Middle(Base):\n"
        "    pytestmark = m(action='warn', grace=2)\n"
        "@m(grace=4)\n"
        "@m(grace=3)\n"
        "class TestX(Middle): pass\n"
    )
    settings = markers.settings_of(items[0], ON)
    assert (settings.grace_s, settings.action, settings.strict) == (3.0, "warn", True)


def test_a_marker_that_a_plugin_added_to_a_class_is_near(collect: Collect) -> None:
    """A mark that stands on no class counts as the class's own."""
    (item,) = collect("@m(grace=1)\nclass TestX:\n    def test_x(self): pass\n")
    parent = item.parent
    assert parent is not None
    parent.add_marker(pytest.mark.no_leaks(grace=2), append=False)
    assert markers.settings_of(item, ON).grace_s == 2.0


@pytest.mark.parametrize("off", ["m(False)", "m(enabled=False)"])
def test_a_marker_switches_off_for_test_class_and_module(run: Callable[..., object], wiring: Wiring, off: str) -> None:
    """Every layer can switch off what a farther one switched on, and a nearer one on again."""
    run(
        f"class TestOff:\n    pytestmark = {off}\n    def test_off(self): pass\n    @m\n    def test_on(self): pass\n"
        f"def test_plain(): pass\n@{off}\ndef test_one(): pass\n",
        "--no-leaks",
    )
    assert set(wiring.checked) == {"test_on", "test_plain"}


def test_without_the_flag_only_marked_tests_are_checked(run: Callable[..., object], wiring: Wiring) -> None:
    """The marker stands for itself."""
    run("@m('tasks', 'sockets')\ndef test_x(): pass\ndef test_y(): pass\n", "--no-leaks-grace=3")
    assert {name: (s.kinds, s.grace_s) for name, s in wiring.checked.items()} == {
        "test_x": (frozenset({"tasks", "sockets"}), 3.0)
    }


def test_unittest_and_parametrized_tests_are_read(run: Callable[..., pytest.RunResult], wiring: Wiring) -> None:
    """Methods of unittest classes, IsolatedAsyncioTestCase and single parameters carry markers like any test."""
    result = run(
        "@m\nclass A(unittest.TestCase):\n    def test_a(self): pass\n"
        "class B(unittest.IsolatedAsyncioTestCase):\n    @m(grace=2)\n    async def test_b(self): pass\n"
        "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=m('files'))])\ndef test_p(n): pass\n"
    )
    result.assert_outcomes(passed=4)
    assert list(wiring.checked) == ["test_a", "test_b", "test_p[2]"]


def test_a_test_whose_markers_leave_no_kind_is_not_checked(run: Callable[..., object], wiring: Wiring) -> None:
    """A narrow class and a test that takes that kind out: nothing is left to look for."""
    run("@m('threads')\nclass TestX:\n    @m(threads=False)\n    def test_x(self): pass\n    def test_y(self): pass\n")
    assert list(wiring.checked) == ["test_y"]


def test_off_wins_over_markers_even_wrong_ones(run: Callable[..., pytest.RunResult], wiring: Wiring) -> None:
    """The switch works whatever markers say."""
    result = run("@m\ndef test_x(): pass\n@m('sokets')\ndef test_y(): pass\n", "--no-leaks-off")
    result.assert_outcomes(passed=2)
    assert wiring.checked == {}


def test_allowances_of_all_places_accumulate(collect: Collect) -> None:
    """What module, class and test allow is allowed."""
    (item,) = collect(
        "a = pytest.mark.allow_leaks\npytestmark = a('files', reason='1')\n@a(reason='2')\n"
        "class TestX:\n    @a('handles', match='x', reason='4')\n"
        "    @a('temp', reason='3')\n    def test_x(self): pass\n"
    )
    allowances = markers.settings_of(item, ON).allowances
    assert [allowance.reason for allowance in allowances] == ["1", "2", "4", "3"]
    assert allowances[1] == Allowance("2")


def test_an_allowance_does_not_switch_on(run: Callable[..., object], wiring: Wiring) -> None:
    """Allowing is not checking."""
    run("@pytest.mark.allow_leaks(reason='1')\ndef test_x(): pass")
    assert wiring.checked == {}


def test_reading_an_item_over_its_own_settings_changes_nothing(collect: Collect) -> None:
    """The run may read an item again at its end, when the test has added a marker."""
    (item,) = collect("@pytest.mark.allow_leaks(reason='1')\n@m('files', tasks=True)\ndef test_x(): pass")
    once = markers.settings_of(item, Settings())
    assert markers.settings_of(item, once) == once
    item.add_marker(pytest.mark.allow_leaks(reason="2"))
    assert [allowance.reason for allowance in markers.settings_of(item, once).allowances] == ["1", "2"]


def test_items_with_the_same_marks_share_one_value(collect: Collect) -> None:
    """10,000 tests under one pytestmark cost one reading."""
    items = collect("pytestmark = m(grace=2)\ndef test_x(): pass\ndef test_y(): pass\n")
    first, second = (markers.settings_of(item, ON) for item in items)
    assert first is second


WRONG = [
    ("@m('sokets')", "no_leaks: 'sokets' is not a kind; did you mean 'sockets'?; valid are: files, "),
    ("@m(grace='abc')", "no_leaks(grace=...): 'abc' is not a number of seconds, 0 or more"),
    ("@m(grase=1)", "no_leaks: 'grase' is not a keyword; did you mean 'grace'?"),
    ("@m(memory='no')", "no_leaks(memory=...): 'no' is not True or False"),
    (
        "@m(task_action='explode')",
        "no_leaks(task_action=...): 'explode' is unknown; valid are: raise, warn, log, cancel",
    ),
    ("@pytest.mark.allow_leaks", 'allow_leaks: needs a reason; write allow_leaks(reason="why this is meant")'),
    ("@pytest.mark.allow_leaks('tasks', reason='')", "allow_leaks: needs a reason; write allow_leaks('tasks', reason="),
    ("@pytest.mark.allow_leaks('taks', reason='r')", "allow_leaks: 'taks' is not a kind; did you mean 'tasks'?"),
]


@pytest.mark.parametrize(("marker", "message"), WRONG)
def test_a_wrong_marker_stops_the_run_with_node_id_and_fix(
    run: Callable[..., pytest.RunResult], pytester: pytest.Pytester, marker: str, message: str
) -> None:
    """Exit code 4 before any test has run, with or without the flag."""
    result = run(f"def test_first(): open('ran', 'w').close()\n{marker}\ndef test_x(): pass\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: test_a.py::test_x: {message}" in result.stderr.str()
    assert not pytester.path.joinpath("ran").exists()


def test_all_wrong_markers_are_named_once_each_where_they_stand(run: Callable[..., pytest.RunResult]) -> None:
    """A module's mark is named for the module, not for each of its tests."""
    result = run(
        "pytestmark = m('modul')\n@m('clas')\nclass TestX:\n    @m('tst')\n    def test_x(self): pass\n"
        "@m('para')\n@pytest.mark.parametrize('n', [1, 2])\ndef test_p(n): pass\n"
    )
    lines = [line.removeprefix("ERROR: ").partition(" is not")[0] for line in result.stderr.lines if " is not" in line]
    assert sorted(lines) == [
        "test_a.py: no_leaks: 'modul'",
        "test_a.py::TestX: no_leaks: 'clas'",
        "test_a.py::TestX::test_x: no_leaks: 'tst'",
        "test_a.py::test_p[1]: no_leaks: 'para'",
    ]


@pytest.mark.parametrize(("count", "listed", "last"), [(20, 20, "test_19"), (23, 20, "... and 3 more")])
def test_at_most_twenty_wrong_markers_are_listed(
    run: Callable[..., pytest.RunResult], count: int, listed: int, last: str
) -> None:
    """A project-wide mistake does not fill the screen."""
    result = run("".join(f"@m('x{n}')\ndef test_{n}(): pass\n" for n in range(count)))
    lines = [line for line in result.stderr.lines if line]
    assert sum(" is not a kind" in line for line in lines) == listed
    assert last in lines[-1]


def test_a_wrong_marker_added_at_run_time_raises_for_the_caller(collect: Collect) -> None:
    """settings_of leaves it to the caller what to do then."""
    (item,) = collect("def test_x(): pass")
    item.add_marker(pytest.mark.no_leaks("sokets"))
    with pytest.raises(SettingError, match="::test_x: no_leaks: 'sokets'"):
        markers.settings_of(item, ON)


def test_a_mark_of_the_session_is_named_by_the_item(collect: Collect) -> None:
    """The session has no node id of its own."""
    (item,) = collect("def test_x(): pass")
    item.session.add_marker(pytest.mark.no_leaks("sokets"))
    with pytest.raises(SettingError, match="::test_x: no_leaks: 'sokets'"):
        markers.settings_of(item, ON)


def test_a_filter_that_looks_like_a_pattern_is_warned_about_once(run: Callable[..., pytest.RunResult]) -> None:
    """The warning stands in pytest's summary, with the fix, and the run goes on."""
    result = run(
        "pytestmark = m(task_name_filter='worker-.*')\ndef test_x(): pass\ndef test_y(): pass\n", "-W", "default"
    )
    result.assert_outcomes(passed=2, warnings=1)
    result.stdout.fnmatch_lines(["*FilterWarning: test_a.py: no_leaks(task_name_filter=...): 'worker-.*' looks like*"])


def test_where_warnings_are_errors_the_filter_is_a_usage_error(run: Callable[..., pytest.RunResult]) -> None:
    """Not an internal error of pytest."""
    result = run("@m(thread_name_filter='^w')\ndef test_x(): pass\n", "-W", "error::no_leaks.errors.FilterWarning")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "write re.compile('^w')" in result.stderr.str()


def test_an_empty_collection_is_no_error(run: Callable[..., pytest.RunResult]) -> None:
    """A run without tests is pytest's own matter."""
    assert run("", "--no-leaks").ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_markers_are_explained(run: Callable[..., pytest.RunResult]) -> None:
    """`pytest --markers` lists both with their keywords."""
    text = run("", "--markers").stdout.str()
    assert "@pytest.mark.no_leaks(*kinds, <kind>=True|False, enabled=..., grace=..." in text
    assert '@pytest.mark.allow_leaks(*kinds, match=None, reason="...")' in text


XDIST = """
import pytest
from no_leaks.plugin import markers, options, table

def pytest_addoption(parser):
    table.add_options(parser)

def pytest_configure(config):
    table.add_markers(config)

def pytest_collection_modifyitems(config, items):
    markers.resolve(items, options.read(config))

def pytest_testnodedown(node, error):
    markers.pass_on_refusal(node)
"""


@pytest.mark.parametrize("marker", ["m('sokets')", "m('sockets')"])
def test_a_worker_of_xdist_hands_a_wrong_marker_to_the_controller(pytester: pytest.Pytester, marker: str) -> None:
    """The message and exit code 4 arrive, and nothing where there is nothing wrong."""
    pytest.importorskip("xdist")
    pytester.makeconftest(XDIST)
    pytester.makepyfile(test_a=f"import pytest\nm = pytest.mark.no_leaks\n@{marker}\ndef test_x(): pass\n")
    result = pytester.runpytest_subprocess("-p", "no:no_leaks", "-p", "no:pyleak", "-n2")
    refused = marker == "m('sokets')"
    assert result.ret == (pytest.ExitCode.USAGE_ERROR if refused else pytest.ExitCode.OK)
    assert ("ERROR: test_a.py::test_x: no_leaks: 'sokets' is not a kind" in result.stderr.str()) is refused
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_worker_that_died_before_it_spoke_refused_nothing() -> None:
    """xdist gives no output of such a worker."""
    markers.pass_on_refusal(object())


layers = st.lists(
    st.fixed_dictionaries({}, optional={"grace": st.integers(0, 9), "strict": st.booleans(), "enabled": st.booleans()}),
    max_size=4,
)


@given(layers)
def test_of_many_layers_each_setting_is_the_nearest_said(said: list[dict[str, object]]) -> None:
    """Folding from the farthest to the nearest is the same as looking from the nearest outwards."""
    settings = Settings()
    for words in said:
        settings = merge(settings, checking_layer([], words))

    def nearest(name: str, default: object) -> object:
        return next((words[name] for words in reversed(said) if name in words), default)

    assert (settings.grace_s, settings.strict) == (nearest("grace", 0.5), nearest("strict", False))
    assert settings.enabled == (bool(said) and said[-1].get("enabled", True))
    assert settings.kinds == frozenset(DEFAULT)


def test_filter_warnings_are_user_warnings() -> None:
    """Python shows them by default."""
    assert issubclass(FilterWarning, UserWarning)
