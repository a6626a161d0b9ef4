"""Alerts as operators and programs see them: lists, acknowledgements, verdicts, maintenance."""

from typing import TYPE_CHECKING

from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Domain, Job
from aggregator.store import load_queries
from aggregator.store.database import Connection

if TYPE_CHECKING:
    from aggregator.jobs.job_context import JobContext, Turn

SQL = load_queries(__package__, "retention.sql")


def forgetting(_work: "JobContext") -> "Turn":
    """The job that forgets what has not been the matter for long."""

    def turn(connection: Connection) -> None:
        connection.execute(SQL["forget_conditions"])

    return turn


DOMAIN = Domain(
    "alerts",
    routers=("aggregator.domains.alerts.api:router", "aggregator.domains.alerts.maintenance_api:router"),
    jobs=(Job("forget-conditions", 3600, "aggregator.domains.alerts.domain:forgetting"),),
    retained=(by_day("alerts", lambda periods: periods.alerts, SQL),),
)
