"""`secure_file_context`: one object under `with` and `async with`, that opens a file, tracks it, and closes it whatever happens."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, AnyStr, Generic, Literal, TypeAlias, final, overload

from . import async_files, files, hops
from .file_options import WHERE, FileOptions, Path, text_of
from .gate import Ticket, give_back
from .groups import tell_beside
from .keywords import refuse_unknown
from .manager import ResourceManager
from .opening import Opening
from .process import get_resource_manager

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack

    class FileKeywords(TypedDict, total=False):
        """What may be asked for beside path and mode."""

        permissions: int
        atomic: bool
        create_parents: bool
        follow_symlinks: bool
        regular_only: bool
        max_bytes: int | None
        lock: bool
        lock_timeout_s: float
        close_timeout_s: float | None
        encoding: str | None
        errors: str | None
        newline: str | None


TextMode: TypeAlias = Literal["r", "w", "a", "x", "r+", "w+", "a+", "x+", "rt", "wt", "at", "xt"]
BinaryMode: TypeAlias = Literal["rb", "wb", "ab", "xb", "rb+", "wb+", "ab+", "xb+", "r+b", "w+b", "a+b", "x+b"]


@overload
def secure_file_context(
    path: Path,
    mode: TextMode = "r",
    *,
    root: Path | None = None,
    manager: ResourceManager | None = None,
    **options: Unpack[FileKeywords],
) -> AsyncFileContext[str]: ...
@overload
def secure_file_context(
    path: Path,
    mode: BinaryMode,
    *,
    root: Path | None = None,
    manager: ResourceManager | None = None,
    **options: Unpack[FileKeywords],
) -> AsyncFileContext[bytes]: ...
@overload
def secure_file_context(
    path: Path,
    mode: str,
    *,
    root: Path | None = None,
    manager: ResourceManager | None = None,
    **options: Unpack[FileKeywords],
) -> AsyncFileContext[Any]: ...
def secure_file_context(
    path: Path,
    mode: str = "r",
    *,
    root: Path | None = None,
    manager: ResourceManager | None = None,
    **options: Unpack[FileKeywords],
) -> AsyncFileContext[Any]:
    """Open a file for the length of a block, sync or async, and close it whatever ends the block.

    `root`: the path may not lead out of this folder, neither by `..` nor by a link. `permissions` (0o600) of a new file.
    `atomic`: the old content stays until the block has ended well, then the new one is there as a whole.
    `create_parents`: make missing folders. `follow_symlinks`, `regular_only=False`: take links, devices and FIFOs.
    `max_bytes`: read and write no more. `lock`: for this process alone, within `lock_timeout_s` (10).
    `close_timeout_s` (10): async closing takes no longer. `encoding` (UTF-8), `errors`, `newline` as for `open`.
    `manager` tracks it, by default the process's. Raises `SettingError` for what does not fit together, and on entering
    `UnsafePath`, `FileTooLarge`, `DeadlineExceeded` or the system's OSError.
    """
    refuse_unknown(WHERE, FileOptions, options, "path", "mode", "root")
    base = None if root is None else text_of(root)
    return AsyncFileContext(FileOptions(text_of(path), mode, base, **options), manager)


@final
class AsyncFileContext(Generic[AnyStr]):
    """One opening of one file: for one block."""

    def __init__(self, options: FileOptions, manager: ResourceManager | None = None) -> None:
        self.options = options
        self._manager = manager
        self._entered = False
        self._file: async_files.AsyncSecureFile[AnyStr] | None = None

    def __enter__(self) -> files.SecureFile[AnyStr]:
        manager = self._enter()
        ticket = manager.reserve("files")
        try:
            file = self._open()
        except BaseException:
            give_back(ticket)
            raise
        return self._adopt(file, manager, ticket).wrapped

    def __exit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        try:
            self._file.wrapped.end(commit=error is None)
        except Exception as failed:
            _tell(error, failed)

    async def __aenter__(self) -> async_files.AsyncSecureFile[AnyStr]:
        manager = self._enter()
        ticket = await manager.areserve("files")
        try:
            file = await self._aopen()
        except BaseException:
            give_back(ticket)
            raise
        return self._adopt(file, manager, ticket)

    async def __aexit__(
        self, cls: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._file is not None
        try:
            await self._file.aend(commit=error is None)
        except Exception as failed:
            _tell(error, failed)

    def _enter(self) -> ResourceManager:
        if self._entered:
            raise RuntimeError(f"this context of {self.options.path!r} has been used: make a new one")
        self._entered = True
        return self._manager or get_resource_manager()

    async def _aopen(self) -> files.SecureFile[AnyStr]:
        if not self.options.lock:
            return await hops.hop(self._open, lambda file: file.close())
        import anyio

        opening = Opening(self.options)
        await hops.hop(opening.begin, lambda nothing: opening.undo())
        try:
            assert opening.lock is not None
            for pause_s in opening.lock.pauses():
                await anyio.sleep(pause_s)
        except BaseException:
            opening.undo()
            raise
        return files.complete(opening)

    def _open(self) -> files.SecureFile[AnyStr]:
        return files.open_file(self.options)

    def _adopt(
        self, file: files.SecureFile[AnyStr], manager: ResourceManager, ticket: Ticket | None
    ) -> async_files.AsyncSecureFile[AnyStr]:
        self._file = async_files.AsyncSecureFile(file)
        try:
            handle = manager.register(file, kind="files", name=self.options.path, cleanup=file.close, ticket=ticket)
        except BaseException:
            file.close()
            give_back(ticket)
            raise
        file.on_close(handle.unregister)
        return self._file


def _tell(first: BaseException | None, failed: Exception) -> None:
    """Raise what closing ran into; beside an error of the body, as a note on that."""
    if first is None:
        raise failed
    tell_beside(first, [failed])
