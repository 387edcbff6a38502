"""Options: each flag and ini key works, the nearer place wins, wrong values stop the run before any test."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from no_leaks import config, names
from no_leaks.config import Settings
from no_leaks.names import DEFAULT
from no_leaks.plugin import options, table

DOCS = Path(__file__).parents[2] / "docs" / "options.md"
Read = Callable[..., Settings]


class Wiring:
    """What the plugin's own hooks do with the options, alone."""

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        table.add_options(parser)

    def pytest_configure(self, config: pytest.Config) -> None:
        options.read(config)
        options.report_targets(config)


class Adding:
    """Only registers the options, so that a test can read them itself."""

    def pytest_addoption(self, parser: pytest.Parser) -> None:
        table.add_options(parser)


@pytest.fixture
def configure(pytester: pytest.Pytester) -> Callable[..., pytest.Config]:
    """Make a real configuration from command-line arguments."""
    pytester.plugins = [Adding()]
    return lambda *args: pytester.parseconfig("-p", "no:no_leaks", *args)


@pytest.fixture
def read(configure: Callable[..., pytest.Config]) -> Read:
    """Read the settings that command-line arguments make."""
    return lambda *args: options.read(configure(*args))


@pytest.fixture
def targets(configure: Callable[..., pytest.Config]) -> Callable[..., tuple[tuple[str, Path], ...]]:
    """Read the reports that command-line arguments ask for."""
    return lambda *args: options.report_targets(configure(*args))


def ini(pytester: pytest.Pytester, text: str) -> None:
    pytester.makeini(f"[pytest]\n{text}\n")


def test_nothing_said_means_the_defaults(read: Read) -> None:
    """Without options nothing is checked."""
    assert read() == Settings()


# One per flag and ini key: (flag, line of the ini file, field, value).
EACH = [
    ("--no-leaks", "no_leaks = true", "enabled", True),
    ("--no-leaks-kinds=handles,-fds", "no_leaks_kinds = handles -fds", "kinds", {"files", "sockets", "pipes"}),
    ("--no-leaks-kinds=-memory", "no_leaks_kinds = -memory", "kinds", {*DEFAULT} - {"memory"}),
    ("--no-leaks-grace=1.5", "no_leaks_grace = 1.5", "grace_s", 1.5),
    ("--no-leaks-grace=0", "no_leaks_grace = 0", "grace_s", 0.0),
    ("--no-leaks-confirm=never", "no_leaks_confirm = never", "confirm", "never"),
    ("--no-leaks-action=warn", "no_leaks_action = warn", "action", "warn"),
    ("--no-leaks-strict", "no_leaks_strict = true", "strict", True),
]


@pytest.mark.parametrize(("flag", "line", "field", "value"), EACH)
def test_each_flag_is_read(read: Read, flag: str, line: str, field: str, value: object) -> None:
    """A flag alone sets its field."""
    assert getattr(read(flag), field) == value


@pytest.mark.parametrize(("flag", "line", "field", "value"), EACH)
def test_each_ini_key_is_read(
    read: Read, pytester: pytest.Pytester, flag: str, line: str, field: str, value: object
) -> None:
    """The ini key of the same name sets the same field."""
    ini(pytester, line)
    assert getattr(read(), field) == value


@pytest.mark.parametrize(("flag", "line", "field", "value"), EACH)
def test_each_ini_key_can_be_overridden_with_o(read: Read, flag: str, line: str, field: str, value: object) -> None:
    """`-o key=value` is the ini file's word, said on the command line."""
    assert getattr(read("-o", line.replace(" = ", "=")), field) == value


def test_an_ini_list_of_kinds_may_have_lines_commas_and_a_toml_list(read: Read, pytester: pytest.Pytester) -> None:
    """Whatever the file's format, a list is a list."""
    pytester.makepyprojecttoml(
        '[tool.pytest.ini_options]\nno_leaks_kinds = ["files", "tasks, temp"]\nno_leaks = true\n'
    )
    settings = read()
    assert settings.kinds == {"files", "tasks", "temp"}
    assert settings.enabled
    pytester.makepyprojecttoml('[tool.pytest.ini_options]\nno_leaks_kinds = "files,\\n tasks"\n')
    assert read().kinds == {"files", "tasks"}


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="native TOML came with pytest 9")
def test_native_toml_takes_numbers_booleans_and_lists(read: Read, pytester: pytest.Pytester) -> None:
    """[tool.pytest] has types: a number needs no quotes."""
    pytester.makepyprojecttoml('[tool.pytest]\nno_leaks = true\nno_leaks_grace = 2\nno_leaks_kinds = ["files"]\n')
    settings = read()
    assert (settings.enabled, settings.grace_s, settings.kinds) == (True, 2.0, frozenset({"files"}))


def test_the_command_line_wins_over_the_ini_file(read: Read, pytester: pytest.Pytester) -> None:
    """The nearer place decides, setting by setting."""
    ini(pytester, "no_leaks = false\nno_leaks_grace = 3\nno_leaks_action = warn")
    settings = read("--no-leaks", "--no-leaks-grace=1")
    assert (settings.enabled, settings.grace_s, settings.action) == (True, 1.0, "warn")


def test_a_list_on_the_command_line_that_only_removes_starts_from_the_ini_list(
    read: Read, pytester: pytest.Pytester
) -> None:
    """`-temp` takes one kind out of what the project checks."""
    ini(pytester, "no_leaks_kinds = files, temp")
    assert read("--no-leaks-kinds=-temp").kinds == {"files"}


def test_the_ini_file_can_be_switched_off_with_o(read: Read, pytester: pytest.Pytester) -> None:
    """Every layer can switch off what a farther one switched on."""
    ini(pytester, "no_leaks = true\nno_leaks_strict = true")
    settings = read("-o", "no_leaks=false", "-o", "no_leaks_strict=false")
    assert (settings.enabled, settings.strict) == (False, False)


def test_no_leaks_off_wins_over_ini_and_flag(read: Read, pytester: pytest.Pytester) -> None:
    """Even a `--no-leaks` in addopts gives way."""
    ini(pytester, "no_leaks = true\naddopts = --no-leaks")
    settings = read("--no-leaks-off")
    assert (settings.enabled, settings.off) == (False, True)


def test_the_bare_flag_takes_no_path(pytester: pytest.Pytester) -> None:
    """`pytest --no-leaks tests/` runs the tests of that folder."""
    pytester.mkdir("sub")
    pytester.path.joinpath("sub", "test_a.py").write_text("def test_x(): pass\n")
    pytester.path.joinpath("test_b.py").write_text("def test_y(): pass\n")
    run(pytester, "--no-leaks", "sub/").assert_outcomes(passed=1)


def test_help_names_every_option(pytester: pytest.Pytester) -> None:
    """`pytest --help` shows each flag and each ini key."""
    text = run(pytester, "--help").stdout.str()
    assert all(option.flag in text for option in table.OPTIONS)
    assert all(f"{option.name} (" in text for option in table.OPTIONS if option.ini)


def run(pytester: pytest.Pytester, *args: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "no:no_leaks", *args, plugins=[Wiring()])


# (argument, what the message says)
WRONG = [
    ("--no-leaks-kinds=sokets", "--no-leaks-kinds: 'sokets' is not a kind; did you mean 'sockets'?; valid are: files,"),
    ("--no-leaks-kinds=files,-files", "--no-leaks-kinds: 'files, -files' leaves no kind to check"),
    ("--no-leaks-grace=abc", "--no-leaks-grace: 'abc' is not a number of seconds, 0 or more"),
    ("--no-leaks-grace=", "--no-leaks-grace: '' is not a number of seconds, 0 or more"),
    ("--no-leaks-grace=-1", "--no-leaks-grace: '-1' is not a number of seconds, 0 or more"),
    ("--no-leaks-confirm=sometimes", "--no-leaks-confirm: 'sometimes' is unknown; valid are: auto, never, always"),
    ("--no-leaks-action=fial", "--no-leaks-action: 'fial' is unknown; did you mean 'fail'?; valid are: fail, warn"),
    ("--no-leaks-report=xml:a", "--no-leaks-report: 'xml' is not a format; valid are: json"),
    ("-ono_leaks_kinds=sokets", "-o no_leaks_kinds: 'sokets' is not a kind"),
    ("-ono_leaks=maybe", "-o no_leaks: invalid truth value 'maybe'; valid are: true, false"),
    ("-ono_leaks_grace=inf", "-o no_leaks_grace: *inf*is not a number of seconds, 0 or more"),
    ("-ono_leaks_grace=abc", "-o no_leaks_grace: *'abc'*"),
    ("-ono_leaks_report=json", "-o no_leaks_report: 'json' is not FORMAT:PATH"),
]


@pytest.mark.parametrize(("argument", "message"), WRONG)
def test_a_wrong_value_stops_the_run_before_any_test(pytester: pytest.Pytester, argument: str, message: str) -> None:
    """Exit code 4, one line that says what is valid, and no test has run."""
    pytester.makepyfile("def test_x(): open('ran', 'w').close()")
    result = run(pytester, argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    pattern = ".*".join(re.escape(part) for part in message.split("*"))
    assert re.search(pattern, result.stderr.str())
    assert not pytester.path.joinpath("ran").exists()


def test_a_wrong_ini_value_names_the_file(read: Read, pytester: pytest.Pytester) -> None:
    """Where the value stands is where it is repaired."""
    ini(pytester, "no_leaks_action = explode")
    with pytest.raises(pytest.UsageError, match=r"^no_leaks_action in tox\.ini: 'explode' is unknown"):
        read()


def test_all_wrong_values_are_named_at_once(read: Read) -> None:
    """One run is enough to see them all."""
    with pytest.raises(pytest.UsageError) as caught:
        read("--no-leaks-grace=x", "--no-leaks-action=y", "--no-leaks-kinds=z")
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "--no-leaks-kinds",
        "--no-leaks-grace",
        "--no-leaks-action",
    ]


def test_removing_the_last_inherited_kind_is_refused(read: Read, pytester: pytest.Pytester) -> None:
    """Two lists that leave nothing between them do not switch detection off silently."""
    ini(pytester, "no_leaks_kinds = files")
    with pytest.raises(pytest.UsageError, match="leaves no kind to check; --no-leaks-off switches checking off"):
        read("--no-leaks-kinds=-files")


def test_no_report_is_asked_for_by_default(targets: Callable[..., object]) -> None:
    """Nothing said, nothing written."""
    assert targets() == ()


def test_reports_repeat_and_start_at_the_current_folder(
    targets: Callable[..., object], pytester: pytest.Pytester
) -> None:
    """Each flag adds one file."""
    expected = (("json", pytester.path / "a.json"), ("json", pytester.path / "b.json"))
    assert targets("--no-leaks-report=json:a.json", f"--no-leaks-report=json:{pytester.path}/b.json") == expected


def test_reports_of_the_ini_file_start_at_that_file(
    targets: Callable[..., object], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever pytest is started, the project's report is in one place."""
    ini(pytester, "no_leaks_report =\n    json:a.json\n    json:b.json")
    monkeypatch.chdir(pytester.mkdir("sub"))
    assert targets("..") == (("json", pytester.path / "a.json"), ("json", pytester.path / "b.json"))


def test_reports_of_the_command_line_replace_those_of_the_ini_file(
    targets: Callable[..., object], pytester: pytest.Pytester
) -> None:
    """The nearer place wins here, too."""
    ini(pytester, "no_leaks_report = json:a.json")
    assert targets("--no-leaks-report=json:b.json") == (("json", pytester.path / "b.json"),)


def test_report_targets_are_checked_once(configure: Callable[..., pytest.Config], pytester: pytest.Pytester) -> None:
    """At the end of the run the answer is the first one, whatever has become of the folder."""
    folder = pytester.mkdir("out")
    config = configure("--no-leaks-report=json:out/a.json")
    before = options.report_targets(config)
    folder.rmdir()
    assert options.report_targets(config) is before


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="native TOML came with pytest 9")
def test_a_report_key_of_a_wrong_type_is_refused(targets: Callable[..., object], pytester: pytest.Pytester) -> None:
    """pytest's own complaint is passed on with the place."""
    pytester.makepyprojecttoml("[tool.pytest]\nno_leaks_report = true\n")
    with pytest.raises(pytest.UsageError, match=r"^no_leaks_report in pyproject\.toml: .*expects a list"):
        targets()


def test_the_docs_are_those_of_the_table() -> None:
    """docs/options.md is written by: python -c "from no_leaks.plugin.options import *; print(end=as_markdown())"."""
    assert DOCS.read_text(encoding="utf-8") == options.as_markdown()


def test_every_row_of_the_table_has_the_cells_of_its_head() -> None:
    """A bar inside a cell is escaped."""
    rows = [line for line in options.as_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}
    assert len(rows) == len(table.OPTIONS) + 2


def test_the_marker_line_names_every_keyword() -> None:
    """The words that an idle plugin knows are those that config.py reads."""
    assert set(names.KEYWORDS) == set(config.KEYWORDS)
