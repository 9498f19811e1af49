"""Which children a name means."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final, Protocol, TypeVar

from supctl.errors import Ambiguous, ProcessNotFound

ALL: Final = "all"
TAG: Final = "@"
_WILD: Final = frozenset("*?[")


class Named(Protocol):
    """What a name can mean."""

    @property
    def address(self) -> str:
        """Where it is: ``/shop/web/api:2``."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """What else it is called."""
        ...


N = TypeVar("N", bound=Named)


@dataclass(frozen=True, slots=True)
class Gone:
    """A child of which nothing but its address is known."""

    address: str
    tags: tuple[str, ...] = ()


def resolve(names: Iterable[str], rows: Sequence[Named]) -> list[str]:
    """Return the addresses that ``names`` mean, in the order of ``rows``, none of them twice.

    A name is ``all`` (every child of the root), an address (``/shop/web/api:2``), the end of one
    (``api:2``, ``web/api``; without a number all instances), a pattern (``api*``, ``shop/*``)
    for addresses or their last parts, or a tag (``@web``), of all that carry it.

    Args:
        rows: of the whole tree.

    Raises:
        ProcessNotFound: a name means nothing; tells what is near.
        Ambiguous: a name that is no pattern means several children of different places.
    """
    addresses = [row.address for row in rows]
    meant: set[str] = set()
    for name in names:
        if name.startswith(TAG):
            meant.update(_tagged(name, rows))
        else:
            meant.update(_meant(name, addresses))
    return [it for it in addresses if it in meant]


def resolve_one(name: str, rows: Sequence[Named]) -> str:
    """Return the one address that ``name`` means. Raises as :func:`resolve`."""
    found = resolve([name], rows)
    if len(found) != 1:
        raise Ambiguous(name, tuple(found))
    return found[0]


def resolve_base(name: str, rows: Sequence[Named]) -> str:
    """Return the address of one child, or that of which all instances that ``name`` means are.

    Raises as :func:`resolve`.
    """
    found = resolve([name], rows)
    bases = sorted({base_of(it) for it in found})
    if len(bases) != 1:
        raise Ambiguous(name, tuple(bases))
    return bases[0]


def base_of(address: str) -> str:
    """Return the address of all instances of which this is one."""
    base, _, number = address.rpartition(":")
    return base if base and number.isdigit() else address


def below(chosen: Iterable[str], rows: Iterable[N]) -> list[N]:
    """Return those of ``rows`` that are chosen, or below one that is."""
    chosen = frozenset(chosen)
    return [row for row in rows if is_below(row.address, chosen)]


def is_below(address: str, chosen: Container[str]) -> bool:
    """Return whether ``address`` is one of ``chosen``, or below one of them."""
    return address in chosen or any(it in chosen for it in above(address))


def above(address: str) -> Iterator[str]:
    """Yield the addresses of the supervisors over a child, the nearest first, without the root."""
    while address := address.rpartition("/")[0]:
        yield address


def topmost(addresses: Sequence[str]) -> list[str]:
    """Return those of ``addresses`` that are not below another of them, in their order."""
    chosen = frozenset(addresses)
    return [it for it in addresses if not any(other in chosen for other in above(it))]


def _meant(name: str, addresses: Sequence[str]) -> list[str]:
    if name == ALL:
        return [address for address in addresses if address.count("/") == 1]
    if _WILD & set(name):
        pattern = name.strip("/")
        found = [it for it in addresses if fnmatchcase(it.strip("/"), pattern)]
        return _or_nothing(
            found or [it for it in addresses if fnmatchcase(_last(it), pattern)], name, addresses
        )
    whole = "/" + name.strip("/")
    if whole in addresses:
        return [whole]
    if name.startswith("/"):
        return _or_nothing(_instances(whole, addresses), name, addresses)
    ends = [it for it in addresses if it.endswith(whole)]
    ends = ends or [it for it in addresses if base_of(it).endswith(whole)]
    if len({base_of(it) for it in ends}) > 1:
        raise Ambiguous(name, tuple(ends))
    return _or_nothing(ends, name, addresses)


def _tagged(name: str, rows: Sequence[Named]) -> list[str]:
    """Return the addresses of all that carry a tag."""
    tag = name.removeprefix(TAG)
    if found := [row.address for row in rows if tag in row.tags]:
        return found

    known = sorted({it for row in rows for it in row.tags})
    near = get_close_matches(tag, known, n=3) or known[:5]
    raise ProcessNotFound(name, tuple(TAG + it for it in near))


def _or_nothing(found: list[str], name: str, addresses: Sequence[str]) -> list[str]:
    if found:
        return found

    short = {_last(it): it for it in addresses} | {it.strip("/"): it for it in addresses}
    near = get_close_matches(name.strip("/"), short, n=3)
    raise ProcessNotFound(name, tuple(dict.fromkeys(short[it] for it in near)))


def _instances(address: str, addresses: Iterable[str]) -> list[str]:
    return [it for it in addresses if base_of(it) == address]


def _last(address: str) -> str:
    return address.rpartition("/")[2]
