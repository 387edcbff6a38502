"""What an application uses so that nothing leaks in the first place; names are loaded when first used, and none needs pytest."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .async_files import AsyncSecureFile as AsyncSecureFile
    from .connection_context import AsyncConnectionContext as AsyncConnectionContext
    from .connection_context import secure_connection_context as secure_connection_context
    from .file_context import AsyncFileContext as AsyncFileContext
    from .file_context import secure_file_context as secure_file_context
    from .files import SecureFile as SecureFile
    from .handle import Handle as Handle
    from .handle import Left as Left
    from .health import check_health as check_health
    from .limits import Limit as Limit
    from .limits import ResourceLimits as ResourceLimits
    from .manager import ResourceManager as ResourceManager
    from .metrics import ResourceMetrics as ResourceMetrics
    from .pool import ResourcePool as ResourcePool
    from .process import acleanup_all_resources as acleanup_all_resources
    from .process import cleanup_all_resources as cleanup_all_resources
    from .process import get_resource_manager as get_resource_manager
    from .process import get_resource_metrics as get_resource_metrics
    from .process import install_exit_handlers as install_exit_handlers
    from .streams import secure_tcp_context as secure_tcp_context
    from .streams import secure_tls_context as secure_tls_context
    from .streams import secure_unix_context as secure_unix_context
    from .sync_pool import SyncResourcePool as SyncResourcePool

__all__ = [
    "AsyncConnectionContext",
    "AsyncFileContext",
    "AsyncSecureFile",
    "Handle",
    "Left",
    "Limit",
    "ResourceLimits",
    "ResourceManager",
    "ResourceMetrics",
    "ResourcePool",
    "SecureFile",
    "SyncResourcePool",
    "acleanup_all_resources",
    "check_health",
    "cleanup_all_resources",
    "get_resource_manager",
    "get_resource_metrics",
    "install_exit_handlers",
    "secure_connection_context",
    "secure_file_context",
    "secure_tcp_context",
    "secure_tls_context",
    "secure_unix_context",
]

HOMES = {
    "check_health": "health",
    "ResourceLimits": "limits",
    "Limit": "limits",
    "ResourcePool": "pool",
    "SyncResourcePool": "sync_pool",
    "AsyncConnectionContext": "connection_context",
    "secure_connection_context": "connection_context",
    "secure_tcp_context": "streams",
    "secure_tls_context": "streams",
    "secure_unix_context": "streams",
    "AsyncFileContext": "file_context",
    "AsyncSecureFile": "async_files",
    "Handle": "handle",
    "Left": "handle",
    "ResourceManager": "manager",
    "ResourceMetrics": "metrics",
    "acleanup_all_resources": "process",
    "cleanup_all_resources": "process",
    "get_resource_manager": "process",
    "get_resource_metrics": "process",
    "install_exit_handlers": "process",
    "SecureFile": "files",
    "secure_file_context": "file_context",
}
"""The file that each public name lives in; the package's own face reads it, too."""


def __getattr__(name: str) -> object:
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value: object = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value
