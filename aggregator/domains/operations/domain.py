"""For those who run a centre: health, readiness, metrics, jobs, dead letters."""

from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Job
from aggregator.store import load_queries

SQL = load_queries(__package__)

DOMAIN = Domain(
    "operations",
    conditions=(
        Condition("job_failed", 3, "定时任务失败", "Job not done", clears_itself=True, rings_after_s=60, many=3),
    ),
    routers=("aggregator.domains.operations.api:router",),
    jobs=(
        Job("watch-jobs", 2, "aggregator.domains.operations.job_watch:turns"),
        Job("prune-feed", 3600, "aggregator.domains.operations.job_watch:pruning_feed"),
        Job("retention", 3600, "aggregator.retention.enforcer:turns", 6 * 3600, settles_s=600, takes_long=True),
    ),
    retained=(by_day("dead letters", lambda periods: periods.dead_letters, SQL),),
)
