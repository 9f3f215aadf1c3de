"""The types of CPython and its library whose kind is known, by name, so that nothing is imported.

A C type stands here only if it is known what it holds: one without the collector's flag may hide
references (timezones, decompressors), and a wrong entry would let two threads share data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pythread_rs import _ffi

__all__ = [
    "CACHE",
    "CAPTURES",
    "CELL",
    "COPY",
    "FUNCTION",
    "HANDLE",
    "HOOKED",
    "LEAF",
    "MOVED",
    "NDARRAY",
    "NOT_SEND",
    "OPAQUE",
    "OWNED",
    "SYNC",
    "TRANSPARENT",
    "UNWRAPPED",
    "WEAKREF",
    "known_kind",
]

# The numbers of csrc/python/ownership/ownership.h.
COPY: Final = 1
SYNC: Final = 2
HANDLE: Final = 3
TRANSPARENT: Final = 4
OWNED: Final = 5
LEAF: Final = 6
NOT_SEND: Final = 7
OPAQUE: Final = 8
FUNCTION: Final = 9
NDARRAY: Final = 10
HOOKED: Final = 11
WEAKREF: Final = 12
CAPTURES: Final = 13
UNWRAPPED: Final = 14
MOVED: Final = 15
CELL: Final = 16
CACHE: Final = 17

_COPY: Final = """
builtins.NoneType builtins.NotImplementedType builtins.ellipsis builtins.bool builtins.int
builtins.float builtins.complex builtins.str builtins.bytes builtins.range builtins.code
builtins.module builtins.method_descriptor builtins.wrapper_descriptor builtins.getset_descriptor
builtins.member_descriptor builtins.classmethod_descriptor types.UnionType
typing.Union typing.TypeVar typing.ParamSpec typing.TypeVarTuple typing.TypeAliasType
typing.ParamSpecArgs typing.ParamSpecKwargs typing.NoDefaultType typing._GenericAlias
typing._SpecialForm typing._SpecialGenericAlias typing._UnionGenericAlias typing._CallableType
typing._TupleType typing.ForwardRef typing.NewType annotationlib.ForwardRef
datetime.date datetime.timedelta decimal.Decimal fractions.Fraction uuid.UUID re.Pattern
_struct.Struct ipaddress.IPv4Address ipaddress.IPv6Address ipaddress.IPv4Network
ipaddress.IPv6Network zoneinfo.ZoneInfo pathlib.PurePath pathlib._local.PurePath
pathlib.PurePosixPath pathlib.PureWindowsPath pathlib.PosixPath pathlib.WindowsPath pathlib.Path
pathlib._local.PurePosixPath pathlib._local.PureWindowsPath pathlib._local.PosixPath
pathlib._local.WindowsPath pathlib._local.Path
_contextvars.ContextVar enum.Enum numpy.dtype numpy.generic numpy.ufunc
numpy._ArrayFunctionDispatcher sys.version_info builtins.PyCapsule builtins.sentinel
"""
_SYNC: Final = """
_cffi_backend.Lib _cffi_backend.FFI
_thread.lock _thread.RLock threading._RLock threading.Event threading.Condition
threading.Semaphore threading.BoundedSemaphore threading.Barrier threading.Thread threading.Timer
threading._MainThread threading._DummyThread _queue.SimpleQueue queue.Queue queue.LifoQueue
queue.PriorityQueue queue._PySimpleQueue logging.Logger logging.RootLogger logging.Handler
logging.Formatter logging.Filter logging.LoggerAdapter logging.Manager logging.PlaceHolder
concurrent.futures._base.Future concurrent.futures._base.Executor
concurrent.futures.thread.ThreadPoolExecutor concurrent.futures.process.ProcessPoolExecutor
pythread_rs.sync.atomic.AtomicBool pythread_rs.sync.atomic.AtomicI64
pythread_rs.sync.atomic.AtomicU64 pythread_rs.sync.atomic.AtomicIsize
pythread_rs.sync.atomic.AtomicUsize pythread_rs.sync.atomic.AtomicRef
"""
_TRANSPARENT: Final = """
builtins.tuple builtins.frozenset builtins.slice builtins.mappingproxy builtins.method
builtins.builtin_function_or_method builtins.builtin_method builtins.method-wrapper
builtins.property builtins.staticmethod builtins.classmethod operator.itemgetter
operator.attrgetter operator.methodcaller datetime.datetime datetime.time datetime.timezone
builtins.frozendict types.GenericAlias re.Match string.templatelib.Template
string.templatelib.Interpolation
"""
_OWNED: Final = """
builtins.object builtins.list builtins.dict builtins.set collections.deque
collections.OrderedDict collections.defaultdict types.SimpleNamespace builtins.memoryview
builtins.managedbuffer functools.partial functools.partialmethod builtins.super
builtins.list_iterator builtins.list_reverseiterator builtins.tuple_iterator
builtins.set_iterator builtins.dict_keyiterator builtins.dict_valueiterator
builtins.dict_itemiterator builtins.dict_reversekeyiterator builtins.dict_reversevalueiterator
builtins.dict_reverseitemiterator builtins.dict_keys builtins.dict_values builtins.dict_items
builtins.odict_iterator builtins.odict_keys builtins.odict_values builtins.odict_items
odict_iterator odict_keys odict_values odict_items
collections._deque_iterator collections._deque_reverse_iterator _collections._deque_iterator
_collections._deque_reverse_iterator builtins.str_iterator builtins.str_ascii_iterator
builtins.bytes_iterator builtins.bytearray_iterator builtins.range_iterator
builtins.longrange_iterator builtins.iterator builtins.callable_iterator builtins.memory_iterator
builtins.zip builtins.enumerate builtins.map builtins.filter builtins.reversed
itertools.accumulate itertools.batched itertools.chain itertools.combinations
itertools.combinations_with_replacement itertools.compress itertools.count itertools.cycle
itertools.dropwhile itertools.filterfalse itertools.groupby itertools._grouper itertools.islice
itertools.pairwise itertools.permutations itertools.product itertools.repeat itertools.starmap
itertools.takewhile itertools.zip_longest builtins.generator builtins.coroutine
builtins.coroutine_wrapper builtins.async_generator builtins.async_generator_asend
builtins.async_generator_athrow builtins.BaseException _io.BytesIO _io.StringIO
xml.etree.ElementTree.Element _random.Random _functools.partial
"""
_LEAF: Final = """
builtins.bytearray array.array _hashlib.HASH _hashlib.HMAC _blake2.blake2b _blake2.blake2s
_md5.md5 _sha1.sha1 _sha2.SHA224Type _sha2.SHA256Type _sha2.SHA384Type _sha2.SHA512Type
_sha256.sha224 _sha256.sha256 _sha512.sha384 _sha512.sha512
"""
_NOT_SEND: Final = """
builtins.frame builtins.traceback builtins.FrameLocalsProxy _thread._local _threading_local.local
_contextvars.Token _contextvars.Context sqlite3.Connection sqlite3.Cursor sqlite3.Blob mmap.mmap
multiprocessing.shared_memory.SharedMemory _ctypes._CData _ctypes._SimpleCData _ctypes.Structure
_ctypes.Union _ctypes._Pointer _ctypes.Array _ctypes.CFuncPtr _ctypes.CArgObject
_cffi_backend._CDataBase _cffi_backend.CData _cffi_backend.__CDataOwn _cffi_backend.__CDataGCP
asyncio.events.AbstractEventLoop asyncio.base_events.BaseEventLoop
_asyncio.Future _asyncio.Task asyncio.futures.Future asyncio.tasks.Task _tkinter.tkapp
tkinter.Misc
"""
_OTHERS: Final = {
    "builtins.function": FUNCTION,
    "builtins.cell": CELL,
    "functools._lru_cache_wrapper": CACHE,
    "weakref.ReferenceType": WEAKREF,
    "builtins.weakref": WEAKREF,
    "weakref.ref": WEAKREF,
    "numpy.ndarray": NDARRAY,
    "pythread_rs._objects.Moved": MOVED,
}


def _table() -> dict[str, int]:
    kinds = {_COPY: COPY, _SYNC: SYNC, _TRANSPARENT: TRANSPARENT, _OWNED: OWNED}
    kinds |= {_LEAF: LEAF, _NOT_SEND: NOT_SEND}
    return {name: kind for names, kind in kinds.items() for name in names.split()} | _OTHERS


_KINDS: Final = _table()
_EXTENDED: Final = frozenset({COPY, SYNC, NOT_SEND})  # what a Python class hands on to subclasses


def known_kind(cls: type) -> int | None:
    """Return the kind of a class of CPython, its library or numpy; None for any other."""
    module = _namespace(cls).get("__module__") if cls.__flags__ & _HEAP_TYPE else cls.__module__
    if not isinstance(module, str):
        module = ""
    kind = _KINDS.get(f"{module}.{_qualname(cls)}")
    if kind is not None and _is_the_real_one(cls, module):
        return kind
    return _kind_of_family(cls, module)


_HEAP_TYPE: Final = 1 << 9
# Past whatever a metaclass has to say.
_namespace: Final[Callable[[type], Mapping[str, Any]]] = type.__dict__["__dict__"].__get__
_qualname: Final[Callable[[type], str]] = type.__dict__["__qualname__"].__get__


def _kind_of_family(cls: type, module: str) -> int | None:
    """Decide about classes that are known by what they are derived from."""
    if type.__subclasscheck__(type, cls):
        return COPY
    if cls.__flags__ & _BASE_EXCEPTION:
        return OWNED
    import sys

    if (enum := sys.modules.get("enum")) is not None and isinstance(cls, enum.EnumType):
        return COPY
    numpy = sys.modules.get("numpy") if module.startswith("numpy") else None
    if numpy is not None and issubclass(cls, (numpy.generic, numpy.dtype)):
        return OPAQUE if issubclass(cls, (numpy.void, numpy.object_)) else COPY
    return None


_BASE_EXCEPTION: Final = 1 << 30


def _is_the_real_one(cls: type, module: str) -> bool:
    """Ask the module: a Python class can call itself anything."""
    import sys

    if not _ffi.is_python_class(cls):
        return True
    return getattr(sys.modules.get(module), _qualname(cls), None) is cls
