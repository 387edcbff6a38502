"""The words that a user may say: kinds, groups, keywords, choices; free of imports, since an idle plugin reads them too."""

HANDLES: tuple[str, ...] = ("files", "sockets", "pipes", "fds")
DEFAULT: tuple[str, ...] = (
    *HANDLES,
    "processes",
    "threads",
    "tasks",
    "temp",
    "managed",
    "unclosed",
)
ON_REQUEST: tuple[str, ...] = ("memory", "cycles", "state", "blocking")
KINDS: tuple[str, ...] = (*DEFAULT, *ON_REQUEST)
GROUPS: dict[str, tuple[str, ...]] = {"handles": HANDLES, "default": DEFAULT, "all": KINDS}
NAMES: tuple[str, ...] = (*KINDS, *GROUPS)

ACTIONS = ("fail", "warn")
CONFIRM = ("auto", "never", "always")
KEYWORDS = (
    "enabled",
    "grace",
    "confirm",
    "confirm_limit",
    "rounds",
    "action",
    "strict",
    "task_name_filter",
    "thread_name_filter",
    "exclude_daemon_threads",
    "task_action",
    "thread_action",
    "blocking_action",
    "blocking_threshold",
    "blocking_check_interval",
    "enable_task_creation_tracking",
)
"""Keywords of the marker beside kinds and groups; config.py says what each does."""
