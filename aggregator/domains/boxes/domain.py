"""Boxes, and what we hear them through: judged by heartbeats, certificates and bounds, every few seconds."""

from datetime import UTC, datetime

from aggregator.retention.by_day import by_day
from aggregator.signals.declarations import Condition, Domain, Job, domains
from aggregator.signals.signal import Signal, Subject
from aggregator.store.database import Connection
from aggregator.store.queries import load_queries

SQL = load_queries(__package__)
RETENTION = load_queries(__package__, "retention.sql")


_UPKEEP = 4
"""Priority of what maintenance sees to."""


def look(connection: Connection, *, lost_too: bool) -> list[Signal]:
    """What has changed since it was said last.

    Args:
        connection: to the database, which knows what was said.
        lost_too: look for lost events as well, which takes longer.
    """
    sights = [each for name, each in domains().conditions.items() if name.startswith("sight_")]
    asked = {
        "lost_too": lost_too,
        "sights": [each.name for each in sights],
        "hiding": [each.name for each in sights if each.priority < _UPKEEP],  # of who may come, not of upkeep alone
    }
    rows = connection.execute(SQL["troubles"], asked).fetchall()
    now = datetime.now(UTC)
    return [
        Signal(
            subject=Subject(row["subject"], row["site"], row["agent"], row["camera"], row["name"]),
            condition=row["condition"],
            active=row["active"],
            at=row["since"] or now,
            priority=row["priority"],
            detail=row["detail"] or {},
        )
        for row in rows
    ]


DOMAIN = Domain(
    "boxes",
    conditions=(
        Condition("while_away", 3, "离线期间的告警", "Alarms from before"),
        Condition(
            "box_silent",
            2,
            "设备失联",
            "Box silent",
            clears_itself=True,
            rings_after_s=15,
            ends_after_s=30,
            many=5,
            many_here=2,
            hides=True,
        ),
        Condition("two_lives", 2, "设备重名", "Two boxes use one name", clears_itself=True, hides=True),
        Condition("card_refuses", 3, "存储卡无法写入", "Card refuses writes", clears_itself=True, rings_after_s=10),
        Condition("disk_full", 3, "磁盘已满", "Disk full", clears_itself=True, many=20),
        Condition("disk_fills", 4, "磁盘即将写满", "Disk full within days", clears_itself=True, many=20),
        Condition(
            "box_hot",
            3,
            "设备过热",
            "Box too hot",
            clears_itself=True,
            rings_after_s=60,
            ends_after_s=300,
            many=20,
            many_here=3,
        ),
        Condition(
            "box_throttled",
            4,
            "设备降频",
            "Box slowed down",
            clears_itself=True,
            rings_after_s=60,
            ends_after_s=300,
            many=20,
            many_here=3,
        ),
        Condition("card_worn", 4, "存储卡寿命将尽", "Card worn out", clears_itself=True, rings_after_s=60, many=20),
        Condition("clock_wrong", 3, "时钟不准", "Clock wrong", clears_itself=True, rings_after_s=60, many=20),
        Condition("events_lost", 3, "事件丢失", "Events lost", clears_itself=True, many=20),
        Condition("section_refused", 3, "无法执行下发设置", "Refuses its settings", clears_itself=True, many=20),
        Condition("changed_at_box", 4, "现场改过设置", "Changed at the box", clears_itself=True, many=20),
        Condition("over_limits", 3, "超出上限", "Beyond its bounds", clears_itself=True, ends_after_s=900, hides=True),
        Condition("certificate_ends", 3, "证书即将到期", "Certificate near its end", clears_itself=True, many=20),
        Condition("coverage_low", 4, "有效监控时间不足", "Watched too little", clears_itself=True, many=20),
        Condition(
            "boxes_unheard",
            1,
            "收不到任何设备的消息",
            "No box can be heard",
            clears_itself=True,
            rings_after_s=20,
            ends_after_s=15,
        ),
    ),
    routers=("aggregator.domains.boxes.api:router", "aggregator.domains.boxes.coverage_api:router"),
    jobs=(
        Job("judge-presence", 1, "aggregator.domains.boxes.presence_judge:turns", patience_s=60),
        Job(
            "judge-coverage", 3600, "aggregator.domains.boxes.coverage_judge:turns", patience_s=6 * 3600, settles_s=900
        ),
        Job("judge-storage", 3600, "aggregator.domains.boxes.storage_judge:turns", patience_s=6 * 3600, settles_s=300),
        Job("send-sections", 0.5, "aggregator.domains.boxes.desired:turns"),
    ),
    retained=(
        by_day("coverage", lambda periods: periods.coverage, RETENTION),
        by_day("health samples", lambda periods: periods.health, RETENTION),
    ),
)
