"""A domain declares its kinds of events, what it can say, and who says it. All are found without a list of them."""

import pkgutil
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol

from aggregator.signals.occurrence import Occurrence
from aggregator.signals.signal import Signal, Subject
from shared.errors import HawklineError
from shared.events import Lane, brought, kinds, number_of, whose
from shared.topics import Address

BROUGHT = "hawkline.domains"
"""Entry points of domains from outside the product: each names a `Domain`."""
OURS = "aggregator.domains"
OUR_JOBS = frozenset({"broker-access"})
"""Names of jobs that no domain declares: they share the memory of another process than that of jobs."""
_PAGE_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PAGE_FOLDER = re.compile(r"[\w.]+:\w+(/\w+)*")

Compose = Callable[[Any, Address], object]
"""Makes the body of a section for a box, as MessagePack takes it; the connection sees one moment."""


class Place(NamedTuple):
    """Where an event belongs, as the record is asked for it.

    Attributes:
        revision: of the box's configuration that its numbers are of.
        line: number of a line or zone. Of its camera the configuration knows.
        camera: number of a camera.
        priority: of an alarm.
        object: what it was, an `ObjectClass`.
    """

    revision: int | None = None
    line: int | None = None
    camera: int | None = None
    priority: int | None = None
    object: int | None = None


_NOWHERE = Place()


class DomainError(HawklineError):
    """Two declarations contradict each other, or one is not complete."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What can be the matter with a subject.

    Attributes:
        name: unique; programs know it by this name.
        priority: where its judge names none.
        zh: what people call it, in Chinese; every alert carries it.
        en: the same in English.
        clears_itself: there is one open alert a subject, and it is over when its judge says so. All others are held.
        rings_after_s: it must have lasted so long; what is over before rings nobody.
        ends_after_s: it must have been over for so long: what comes and goes is one alert.
        however_late: it rings by itself, even when we hear of it late: panic, duress, fire, list hits.
        many: when more subjects than this have it within two minutes, they have one cause and one alert; 0: never.
        many_here: the same of those of one site: a switch that is dead, a site without power.
        hides: while it is there, the lines of its subject cannot be confirmed.
        over_when: it waits for something else than a verdict, which nobody may take from it: what for, in English.
    """

    name: str
    priority: int
    zh: str = ""
    en: str = ""
    clears_itself: bool = False
    rings_after_s: float = 0.0
    ends_after_s: float = 60.0
    however_late: bool = False
    many: int = 0
    many_here: int = 0
    hides: bool = False
    over_when: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """Reads signals from events of some kinds.

    Attributes:
        kinds: classes of events.
        wants: whether one of them says anything to it: only those wait in the inbox.
        say: what events mean, in their order. The connection is there to ask for names; it sees one moment.
        alarms: whether one becomes a member of an alert: the ledger counts them.
    """

    kinds: tuple[type[Any], ...]
    wants: Callable[[Any], bool]
    say: Callable[[Any, Sequence[Occurrence], Mapping[int, Address]], Iterable[Signal]]
    alarms: Callable[[Any], bool] = lambda _: False


class Projection(Protocol):
    """What one domain adds up over one transaction of ingest, and writes at its end.

    Two transactions that write the same rows must write them in the same order.
    """

    def take(self, event: Any, producer: int, lane: Lane, event_at: Any, address: Address) -> None:
        """Hear of one event that is being stored."""

    def write(self, connection: Any, counters: Counter[tuple[str, str]]) -> None:
        """Write; `counters` go into the metrics, by name and label."""


def _nowhere(_event: Any) -> Place:
    return _NOWHERE


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of events as the record keeps it.

    Attributes:
        struct: its class, one of `shared.events.kinds()`.
        place: where an event belongs.
        projection: what else is kept of it; made anew for each transaction.
        costs: an allowance of its box (`ingest.box_quota`) that each uses besides that of events; empty: none.
        weighs: how much of it.
        once: what it leaves for ever, and only the first of which costs; None: each costs.
        kept: for so long its domain keeps rows of it, shorter than the record; what comes later than that is taken
            in, and leaves no row. None: for as long as the record.
    """

    struct: type[Any]
    place: Callable[[Any], Place] = _nowhere
    projection: Callable[[], Projection] | None = None
    costs: str = ""
    weighs: Callable[[Any], int] = lambda _: 1
    once: Callable[[Any], Hashable] | None = None
    kept: timedelta | None = None

    @property
    def name(self) -> str:
        """For people and records."""
        return kinds()[self.struct]

    @property
    def number(self) -> int:
        """On the wire and in the record."""
        return number_of(self.struct)


@dataclass(frozen=True, slots=True)
class Job:
    """What is done by the clock, and tried again where it fails: a process of its own runs all of them.

    Attributes:
        name: unique.
        every_s: so long after one turn the next begins, over restarts, too.
        turns: `package.module:name` of a function that takes an `aggregator.jobs.job_context.JobContext` and returns
            what is done in a turn, or several such by name, which do not wait for each other. A turn takes a connection
            in autocommit mode; what it raises is written down, and it is tried again. Only the process that runs jobs
            loads it.
        patience_s: for so long it may fail, or be late, until it rings (`job_failed`).
        settles_s: no turn begins sooner after the start of its process.
        takes_long: its statements may take as long as they need; all others are ended after a minute.
    """

    name: str
    every_s: float
    turns: str
    patience_s: float = 600.0
    settles_s: float = 0.0
    takes_long: bool = False


@dataclass(frozen=True, slots=True)
class Retained:
    """What is kept for some days and then deleted, a day (UTC) at a time, under one guard (`aggregator.retention`).

    Attributes:
        name: unique; operators read it.
        keep: for how long, of a `aggregator.store.retention_periods.RetentionPeriods`.
        old_days: those before a day of which something is there, oldest first.
        drop: deletes what is of one day; False where something keeps it back. The connection is in autocommit mode, the
            third argument an `aggregator.retention.retention_context.RetentionContext`.
        newest: when the newest news of this kind came; None: what boxes told last counts.
    """

    name: str
    keep: Callable[[Any], timedelta]
    old_days: Callable[[Any, date], Sequence[date]]
    drop: Callable[[Any, date, Any], bool]
    newest: Callable[[Any], datetime | None] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the console that another distribution brings; ours are folders of `aggregator/console/src/pages`.

    Attributes:
        name: unique; its address is this behind the hash.
        words: its name in the navigation, by language: `zh` and `en`.
        folder: `package:folder` of its files. `page.js` among them is a module that exports `show(element, language)`,
            which fills an element and returns a function that ends that.
        place: where it stands in the navigation, small numbers first; ours have 10, 20 …
        right: what one must be allowed to do to see it.
    """

    name: str
    words: Mapping[str, str]
    folder: str
    place: int = 100
    right: str = "alerts.read"


@dataclass(frozen=True, slots=True)
class Domain:
    """A part of the world that Hawkline watches.

    Attributes:
        name: unique.
        kinds: of events, that it keeps.
        conditions: all that is said in it.
        judges: those of events. Others, such as one that looks at heartbeats, write to the inbox themselves.
        routers: of the API, as `package.module:name`: only the process that serves them loads them.
        sections: of the desired state of boxes, by name, each with what makes its body for a box.
        jobs: that are done by the clock.
        retained: what it keeps for some days only.
        pages: of the console, of a domain from outside.
    """

    name: str
    kinds: tuple[Kind, ...] = ()
    conditions: tuple[Condition, ...] = ()
    judges: tuple[Judge, ...] = ()
    routers: tuple[str, ...] = ()
    sections: Mapping[str, Compose] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    retained: tuple[Retained, ...] = ()
    pages: tuple[Page, ...] = ()


@dataclass(frozen=True, slots=True)
class Domains:
    """All domains together."""

    kinds: Mapping[type[Any], Kind]
    conditions: Mapping[str, Condition]
    judges: Mapping[type[Any], Judge]
    """By kind of event."""
    routers: tuple[str, ...]
    sections: Mapping[str, Compose]
    jobs: tuple[Job, ...]
    retained: tuple[Retained, ...]
    pages: tuple[Page, ...]

    def wanted(self, event: object) -> bool:
        """Whether an event waits in the inbox."""
        judge = self.judges.get(type(event))
        return judge is not None and judge.wants(event)

    def words(self, condition: str) -> Mapping[str, str]:
        """What people call a condition, by language; of one that is declared no more, or without words, its name."""
        known = self.conditions.get(condition)
        return {"zh": (known and known.zh) or condition, "en": (known and known.en) or condition}

    def condition(self, signal: Signal) -> Condition:
        """What a signal is about.

        Raises:
            DomainError: no domain declares it.
        """
        try:
            return self.conditions[signal.condition]
        except KeyError:
            raise DomainError(f"condition {signal.condition!r} of a signal is declared by no domain") from None


def together(domains: Iterable[Domain]) -> Domains:
    """Put domains together.

    Raises:
        DomainError: something is there twice under one name, or a kind is not one of events.
    """
    names = set[str]()
    wire = kinds()
    kept, kept_by = dict[type[Any], Kind](), dict[type[Any], str]()
    conditions, conditions_of = dict[str, Condition](), dict[str, str]()
    judges, judges_of = dict[type[Any], Judge](), dict[type[Any], str]()
    routers = list[str]()
    sections, sections_of = dict[str, Compose](), dict[str, str]()
    jobs, jobs_of = list[Job](), dict[str, str]()
    retained, retained_by = list[Retained](), dict[str, str]()
    pages, pages_of = list[Page](), dict[str, str]()
    for domain in domains:
        if domain.name in names:
            raise DomainError(f"domain {domain.name!r} is declared twice")
        names.add(domain.name)
        routers += domain.routers
        for section, compose in domain.sections.items():
            _require_new(section, sections_of, domain, f"section {section!r} of the desired state is declared")
            sections[section] = compose
        for job in domain.jobs:
            if job.name in OUR_JOBS:
                raise DomainError(f"domain {domain.name!r}: job {job.name!r} is one of ours, of no domain")
            _require_new(job.name, jobs_of, domain, f"job {job.name!r} is declared")
            jobs.append(job)
        for kept_for in domain.retained:
            _require_new(kept_for.name, retained_by, domain, f"how long {kept_for.name!r} are kept is declared")
            retained.append(kept_for)
        for page in domain.pages:
            _check_page(page)
            _require_new(page.name, pages_of, domain, f"page {page.name!r} is brought")
            pages.append(page)
        for kind in domain.kinds:
            if kind.struct not in wire:
                raise DomainError(f"domain {domain.name!r}: {kind.struct.__name__} is no kind of events on the wire")
            _require_new(kind.struct, kept_by, domain, f"events {wire[kind.struct]!r} are kept")
            kept[kind.struct] = kind
        for condition in domain.conditions:
            _require_new(condition.name, conditions_of, domain, f"condition {condition.name!r} is declared")
            if not 1 <= condition.priority <= 4:
                raise DomainError(f"condition {condition.name!r}: priority {condition.priority}: expected 1 to 4")
            conditions[condition.name] = condition
        for judge in domain.judges:
            for struct in judge.kinds:
                if struct not in wire:
                    raise DomainError(f"domain {domain.name!r} judges {struct.__name__}, which is no kind of events")
                _require_new(struct, judges_of, domain, f"events {wire.get(struct, struct.__name__)!r} are judged")
                judges[struct] = judge
    for struct in wire:
        kept.setdefault(struct, Kind(struct))  # it is in the record, and nowhere else
    return Domains(kept, conditions, judges, tuple(routers), sections, tuple(jobs), tuple(retained), tuple(pages))


def _check_page(page: Page) -> None:
    if not _PAGE_NAME.fullmatch(page.name):
        raise DomainError(f"page {page.name!r}: name: expected a-z, then a-z, 0-9 and -, at most 32")
    if missing := {"zh", "en"} - page.words.keys():
        raise DomainError(f"page {page.name!r}: words: {', '.join(sorted(missing))} is missing")
    if not _PAGE_FOLDER.fullmatch(page.folder):
        raise DomainError(f"page {page.name!r}: folder {page.folder!r}: expected PACKAGE:FOLDER")


def _require_new(what: Any, taken: dict[Any, str], domain: Domain, said: str) -> None:
    if what in taken:
        raise DomainError(f"{said} by domain {taken[what]!r} and by domain {domain.name!r}")
    taken[what] = domain.name


@cache
def domains() -> Domains:
    """All domains: those of `aggregator.domains` and those that other distributions bring along.

    Raises:
        DomainError: they contradict each other.
    """
    folders = pkgutil.iter_modules(import_module(OURS).__path__)
    found = [import_module(f"{OURS}.{folder.name}.domain").DOMAIN for folder in folders]
    for entry in sorted(entry_points(group=BROUGHT), key=lambda entry: entry.name):
        domain = brought(entry, DomainError)
        if not isinstance(domain, Domain):
            raise DomainError(f"entry point {entry.name!r} ({entry.value}) of {whose(entry)}: expected a Domain")
        found.append(domain)
    return together(found)


def of_box(address: Address) -> Subject:
    """A box as a subject."""
    return Subject("box", address.site, address.agent)
