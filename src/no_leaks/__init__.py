"""The public face of no_leaks: names are loaded when first used, so that `import no_leaks` costs next to nothing."""

from __future__ import annotations

TYPE_CHECKING = False  # of our own: importing typing alone would cost seven times this whole module
if TYPE_CHECKING:
    from .calls import growth as growth
    from .customs import CustomKind as CustomKind
    from .customs import register_kind as register_kind
    from .customs import unregister_kind as unregister_kind
    from .errors import LeakError as LeakError
    from .errors import LeakWarning as LeakWarning
    from .errors import NoLeaksError as NoLeaksError
    from .errors import NotWatchable as NotWatchable
    from .errors import ResourceError as ResourceError
    from .errors import ResourceLimitExceeded as ResourceLimitExceeded
    from .errors import SettingError as SettingError
    from .library import no_leaks as no_leaks
    from .model import Leak as Leak
    from .resources import AsyncConnectionContext as AsyncConnectionContext
    from .resources import AsyncFileContext as AsyncFileContext
    from .resources import Limit as Limit
    from .resources import ResourceLimits as ResourceLimits
    from .resources import ResourceManager as ResourceManager
    from .resources import ResourceMetrics as ResourceMetrics
    from .resources import ResourcePool as ResourcePool
    from .resources import SyncResourcePool as SyncResourcePool
    from .resources import acleanup_all_resources as acleanup_all_resources
    from .resources import check_health as check_health
    from .resources import cleanup_all_resources as cleanup_all_resources
    from .resources import get_resource_manager as get_resource_manager
    from .resources import get_resource_metrics as get_resource_metrics
    from .resources import secure_connection_context as secure_connection_context
    from .resources import secure_file_context as secure_file_context
    from .resources import secure_tcp_context as secure_tcp_context
    from .resources import secure_tls_context as secure_tls_context
    from .resources import secure_unix_context as secure_unix_context
    from .watching import assert_collectable as assert_collectable
    from .watching import watch as watch

__version__ = "0.1.0"
__all__ = [
    "AsyncConnectionContext",
    "AsyncFileContext",
    "CustomKind",
    "Leak",
    "LeakError",
    "LeakWarning",
    "Limit",
    "NoLeaksError",
    "NotWatchable",
    "ResourceError",
    "ResourceLimitExceeded",
    "ResourceLimits",
    "ResourceManager",
    "ResourceMetrics",
    "ResourcePool",
    "SettingError",
    "SyncResourcePool",
    "acleanup_all_resources",
    "assert_collectable",
    "check_health",
    "cleanup_all_resources",
    "get_resource_manager",
    "get_resource_metrics",
    "growth",
    "no_leaks",
    "register_kind",
    "secure_connection_context",
    "secure_file_context",
    "secure_tcp_context",
    "secure_tls_context",
    "secure_unix_context",
    "unregister_kind",
    "watch",
]

_HOMES = {
    "growth": "calls",
    "CustomKind": "customs",
    "register_kind": "customs",
    "unregister_kind": "customs",
    "Leak": "model",
    "LeakError": "errors",
    "LeakWarning": "errors",
    "NoLeaksError": "errors",
    "NotWatchable": "errors",
    "ResourceError": "errors",
    "ResourceLimitExceeded": "errors",
    "SettingError": "errors",
    "no_leaks": "library",
    "ResourceManager": "resources",
    "check_health": "resources",
    "ResourceLimits": "resources",
    "Limit": "resources",
    "ResourcePool": "resources",
    "SyncResourcePool": "resources",
    "AsyncConnectionContext": "resources",
    "secure_connection_context": "resources",
    "secure_tcp_context": "resources",
    "secure_tls_context": "resources",
    "secure_unix_context": "resources",
    "AsyncFileContext": "resources",
    "secure_file_context": "resources",
    "ResourceMetrics": "resources",
    "acleanup_all_resources": "resources",
    "cleanup_all_resources": "resources",
    "get_resource_manager": "resources",
    "get_resource_metrics": "resources",
    "assert_collectable": "watching",
    "watch": "watching",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value
