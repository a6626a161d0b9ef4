"""The box's own alarm panel, by timelines: every zone type, delay, bypass and power cut in each state."""

import random

import pytest

from edge_agent.intrusion.memory import Bypass, Memory
from edge_agent.intrusion.plan import Cause, Mode, OutputPlan, PartitionPlan, SensorPlan, SensorType
from edge_agent.intrusion.reading import Circuit, Reading
from edge_agent.intrusion.unit import ControlUnit, Order
from shared.clock import Moment
from shared.desired import BypassOrder, BypassWay, PartitionDeed
from shared.envelope import decode_event, encode_event
from shared.events import PartitionChanged, PartitionState, SensorChanged
from tests.unit.timeline import House, play

HOUSE = PartitionPlan(name="house", exit_s=45, entry_s=30, alarm_s=60)
DOOR = SensorPlan(name="door", type=SensorType.ENTRY_EXIT, what="door", partition="house")
HALL = SensorPlan(name="hall", type=SensorType.FOLLOWER, what="infrared", partition="house")
WINDOW = SensorPlan(name="window", what="window", partition="house")
SAFE = SensorPlan(name="safe", type=SensorType.ALWAYS, partition="house")
BUTTON = SensorPlan(name="button", type=SensorType.PANIC, partition="house")
DESK = SensorPlan(name="desk", type=SensorType.SILENT_PANIC, partition="house")
SMOKE = SensorPlan(name="smoke", type=SensorType.FIRE)
LID = SensorPlan(name="lid", type=SensorType.TAMPER)
KEY = SensorPlan(name="key", type=SensorType.KEY_SWITCH, partition="house")
PUSH = SensorPlan(name="push", type=SensorType.KEY_SWITCH, partition="house", momentary=True)
SIREN = OutputPlan(name="siren", on=(Cause.ALARM,), seconds=30)
BUZZER = OutputPlan(name="buzzer", on=(Cause.ENTRY, Cause.EXIT, Cause.CHIME), seconds=600)
ALL = (DOOR, HALL, WINDOW, SAFE, BUTTON, DESK, SMOKE, LID)


def house(
    *sensors: SensorPlan, outputs: tuple[OutputPlan, ...] = (), plan: PartitionPlan = HOUSE, **more: object
) -> House:
    return House(sensors or ALL, (plan,), outputs, **more)  # type: ignore[arg-type]


# Zone types


def test_disarmed_opening_is_counted_and_rings_nobody() -> None:
    play(house(), """
        1        door active
        1-1.5    > door alarm 0
        2        door normal
        2-2.5    > door normal 2
        3        window active
        3-3.5    > window alarm 0
        4        hall active
        4-4.5    > hall alarm 0
    """)  # fmt: skip


@pytest.mark.parametrize(
    ("sensor", "told"),
    [
        ("safe", "> safe alarm 2\n 1-1.5 > siren on\n 31-31.5 > siren off"),
        ("button", "> button alarm 1\n 1-1.5 > siren on\n 31-31.5 > siren off"),
        ("desk", "> desk alarm 1"),
        ("smoke", "> smoke alarm 1\n 1-1.5 > siren on\n 31-31.5 > siren off"),
        ("lid", "> lid tamper 2"),
    ],
)
@pytest.mark.parametrize("state", ["disarmed", "armed", "arming"])
def test_day_and_night_it_rings_whatever_is_armed(sensor: str, told: str, state: str) -> None:
    at_home = PartitionPlan(name="house", exit_s=45 if state == "arming" else 0)
    arm = {
        "disarmed": "",
        "armed": "0 arm house home\n 0-0.1 > house armed_home",
        "arming": "0 arm house home\n 0-0.1 > house arming",
    }
    script = f"{arm[state]}\n1 {sensor} active\n1-1.5 {told}"
    # What still alarms when the exit delay is over hinders it; that is another test's.
    play(house(outputs=(SIREN,), plan=at_home), script, until_s=40)


def test_instant_entry_and_follower_while_it_is_armed_away() -> None:
    done = play(house(DOOR, HALL, WINDOW, outputs=(SIREN, BUZZER)), """
        0          arm house away
        0-0.1      > house arming
        0-0.1      > buzzer on
        10         door active            # they leave
        10-10.5    > door alarm 0
        12         hall active
        12-12.5    > hall alarm 0
        14         door normal
        14-14.5    > door normal 2
        15         hall normal
        15-15.5    > hall normal 2
        45-45.5    > house armed_away
        45-45.5    > buzzer off
        100        door active
        100-100.5  > house pending
        100-100.5  > buzzer on
        100-100.5  > door alarm 0
        103        hall active            # on the way to the key
        103-103.5  > hall alarm 0
        120        disarm house by key
        120-120.1  > house disarmed
        120-120.1  > buzzer off
    """)  # fmt: skip
    assert done.details()[0] == "armed away in 45 s"
    assert "door: rings in 30 s unless it is disarmed" in done.details()


def test_nobody_disarms_and_all_who_were_met_on_the_way_ring() -> None:
    play(house(DOOR, HALL, outputs=(SIREN,), plan=PartitionPlan(name="house", exit_s=0, alarm_s=60)), """
        0          arm house away
        0-0.1      > house armed_away
        10         door active
        10-10.5    > house pending
        10-10.5    > door alarm 0
        11         door normal
        11-11.5    > door normal 2
        12         hall active
        12-12.5    > hall alarm 0
        40-40.5    > door alarm 2         # though it is closed again
        40-40.5    > house triggered
        40-40.5    > siren on
        40-40.5    > door normal 2
        40-40.5    > hall alarm 2
        70-70.5    > siren off
        100-100.5  > house armed_away hinders hall   # that is open still
        101        hall normal
        101-101.5  > hall normal 2
        110        hall active            # armed on: a follower without a door before it
        110-110.5  > hall alarm 2
        110-110.5  > house triggered
        110-110.5  > siren on
        115        disarm house
        115-115.1  > house disarmed
        115-115.1  > siren off
    """)  # fmt: skip


def test_a_window_rings_at_once_while_people_come_in_and_while_they_leave() -> None:
    play(house(DOOR, WINDOW), """
        0          arm house away
        0-0.1      > house arming
        5          window active
        5-5.5      > window alarm 2
        5-5.5      > house triggered
        6          window normal
        6-6.5      > window normal 2
        65-65.5    > house armed_away
        70         door active
        70-70.5    > door alarm 0
        70-70.5    > house pending
        75         window active
        75-75.5    > window alarm 2
        75-75.5    > house triggered
    """)  # fmt: skip


def test_at_home_and_at_night_the_hall_is_free() -> None:
    bed = SensorPlan(name="cellar", type=SensorType.FOLLOWER, partition="house", modes=(Mode.AWAY, Mode.NIGHT))
    for mode, told in (("home", "> cellar alarm 0"), ("night", "> cellar alarm 2\n 5-5.5 > house triggered")):
        plan = PartitionPlan(name="house", exit_s=0)
        play(house(HALL, bed, plan=plan), f"""
            0        arm house {mode}
            0-0.1    > house armed_{mode}
            2        hall active
            2-2.5    > hall alarm 0
            5        cellar active
            5-5.5    {told}
        """)  # fmt: skip


def test_a_door_of_its_own_entry_delay_and_the_shorter_of_two_counts() -> None:
    back = SensorPlan(name="back", type=SensorType.ENTRY_EXIT, partition="house", entry_s=10)
    play(house(DOOR, back, plan=PartitionPlan(name="house", exit_s=0)), """
        0        arm house away
        0-0.1    > house armed_away
        5        door active
        5-5.5    > house pending
        5-5.5    > door alarm 0
        7        back active
        7-7.5    > back alarm 0
        17-17.5  > door alarm 2
        17-17.5  > house triggered
        17-17.5  > back alarm 2
    """)  # fmt: skip


def test_bounce_did_not_happen_and_a_late_tick_changes_no_time() -> None:
    play(house(WINDOW), """
        1      window active
        1.02   window normal
        1.04   window active
        1.06   window normal
        2      window active
        2-2.2  > window alarm 0
    """)  # fmt: skip
    at = House((WINDOW,), (HOUSE,))
    unit = at.begin()
    unit.read("window", Reading(Circuit.ACTIVE), at.moment(1))
    unit.read("window", Reading(Circuit.NORMAL), at.moment(3))  # nobody ticked between
    unit.tick(at.moment(4))
    events = [event for event in unit.drain() if isinstance(event, SensorChanged)]
    assert [(event.state.label, event.at_ms - at.begin_ms) for event in events] == [("alarm", 1000), ("normal", 3000)]


# Arming


def test_arming_says_at_once_what_hinders_it_and_arms_when_that_is_closed() -> None:
    done = play(house(DOOR, WINDOW), """
        0        window active
        0-0.5    > window alarm 0
        1        arm house away by desk
        1-1.1    > house disarmed not_armed hinders window
        20       window normal
        20-20.5  > window normal 2
        20-20.5  > house arming
        65-65.5  > house armed_away
    """)  # fmt: skip
    assert not done.answers[0].obeyed
    assert done.answers[0].hinders == {"window": "active"}


def test_what_is_open_when_the_exit_delay_is_over_is_told_and_armed_once_it_is_closed() -> None:
    done = play(house(DOOR, WINDOW), """
        0        door active
        0-0.5    > door alarm 0
        1        arm house away
        1-1.1    > house arming hinders door
        46-46.5  > house disarmed not_armed hinders door
        60       door normal
        60-60.5  > door normal 2
        60-60.5  > house armed_away       # no second exit delay: they have left
    """)  # fmt: skip
    assert "has to be closed until the exit delay is over" in done.details()[0]


def test_one_that_is_silent_neither_blocks_in_silence_nor_passes() -> None:
    play(house(DOOR, WINDOW), """
        0        window missing
        0-0.5    > window silent 2
        1        arm house away
        1-1.1    > house disarmed not_armed hinders window
        2        arm house away without window
        2-2.1    > window bypassed 2
        2-2.1    > house arming
        47-47.5  > house armed_away
        60       disarm house
        60-60.1  > window silent 2
        60-60.1  > house disarmed
    """)  # fmt: skip


def test_another_mode_is_refused_while_it_alarms_and_where_something_hinders_it() -> None:
    play(house(HALL, WINDOW, plan=PartitionPlan(name="house", exit_s=0, alarm_s=5)), """
        0        arm house home
        0-0.1    > house armed_home
        1        hall active
        1-1.5    > hall alarm 0
        2        arm house away
        2-2.1    > house armed_home hinders hall
        3        window active
        3-3.5    > window alarm 2
        3-3.5    > house triggered
        4        arm house away
        4-4.1    > house triggered
        8-8.5    > house armed_home hinders window
    """)  # fmt: skip


def test_a_chime_sounds_while_nothing_is_armed() -> None:
    shop = SensorPlan(name="shop", type=SensorType.ENTRY_EXIT, partition="house", chime=True)
    play(house(shop, outputs=(BUZZER,), plan=PartitionPlan(name="house", exit_s=0, entry_s=30)), """
        1        shop active
        1-1.5    > shop alarm 0
        1-1.5    > buzzer on
        2-2.6    > buzzer off
        3        shop normal
        3-3.5    > shop normal 2
        4        arm house away
        4-4.1    > house armed_away
        5        shop active
        5-5.5    > shop alarm 0
        5-5.5    > house pending
        5-5.5    > buzzer on
        6        disarm house
        6-6.1    > house disarmed
        6-6.1    > buzzer off
    """)  # fmt: skip


# Bypass


def test_bypass_once_until_closed_and_until_a_moment() -> None:
    plan = PartitionPlan(name="house", exit_s=0, alarm_s=5)
    play(house(WINDOW, plan=plan), """
        0        window active
        0-0.5    > window alarm 0
        1        bypass window until_closed
        1-1.1    > window bypassed 2
        2        arm house away
        2-2.1    > house armed_away
        3        window normal             # closed: from now on it is watched
        3-3.5    > window normal 2
        4        window active
        4-4.5    > window alarm 2
        4-4.5    > house triggered
        9-9.5    > house armed_away hinders window
    """)  # fmt: skip
    play(house(WINDOW, plan=plan), """
        1        bypass window until 20
        1-1.1    > window bypassed 2
        2        arm house away
        2-2.1    > house armed_away
        3        window active
        3-3.5    > window bypassed 2
        20-20.5  > window alarm 2          # its time is over, and it is open
        20-20.5  > house triggered
        25-25.5  > house armed_away hinders window
    """)  # fmt: skip
    play(house(WINDOW, plan=plan), """
        1        bypass window once
        1-1.1    > window bypassed 2
        2        arm house away
        2-2.1    > house armed_away
        3        disarm house
        3-3.1    > window normal 2
        3-3.1    > house disarmed
        4        arm house away
        4-4.1    > house armed_away
        5        window active
        5-5.5    > window alarm 2
        5-5.5    > house triggered
    """)  # fmt: skip


def test_what_rings_day_and_night_is_watched_again_behind_its_arming() -> None:
    play(house(SMOKE, plan=PartitionPlan(name="house", exit_s=0)), """
        1        smoke fault
        1-1.5    > smoke fault 1
        2        arm house away without smoke
        2-2.1    > smoke bypassed 1
        2-2.1    > house armed_away
        3        disarm house
        3-3.1    > smoke fault 1
        3-3.1    > house disarmed
        4        smoke active
        4-4.5    > smoke alarm 1
    """)  # fmt: skip


def test_bypasses_of_the_centre_begin_once_and_end_when_they_are_withdrawn() -> None:
    at = House((WINDOW, DOOR), (PartitionPlan(name="house", exit_s=0),))
    unit = at.begin()
    one = BypassOrder(7, "window", BypassWay.ONCE, 0, "keeper", "broken")
    assert unit.bypasses([one], at.moment(1)) == []
    unit.order(Order("house", PartitionDeed.AWAY, "key"), at.moment(2))
    unit.order(Order("house", PartitionDeed.DISARM, "key"), at.moment(3))
    unit.drain()
    unit.bypasses([one], at.moment(4))  # told again, as after a reconnect: it is over
    assert unit.drain() == []
    memory = unit.memory(at.moment(5))
    assert memory.ended == (7,)
    again = BypassOrder(8, "door", BypassWay.UNTIL, at.moment(90).at_ms, "keeper", "painted")
    unit.bypasses([again], at.moment(6))
    assert unit.memory(at.moment(6)).ended == ()  # the list does not name it any more
    unit.drain()
    unit.bypasses([], at.moment(7))
    assert [event.state.label for event in unit.drain() if isinstance(event, SensorChanged)] == ["normal"]
    assert unit.bypasses([BypassOrder(9, "attic", BypassWay.ONCE, 0, "keeper", "x")], at.moment(8)) == [
        "this box has no sensor 'attic'"
    ]


# Who may


def test_key_switches_and_who_may_disarm() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    play(house(KEY, WINDOW, plan=plan, trusted_keys=("key",)), """
        1        key active
        1-1.5    > house armed_away
        1-1.5    > key normal 2
        5        key tamper               # a cut line turns nothing
        5-5.5    > key tamper 2
        6        key active
        6-6.5    > key normal 2
        10       key normal
        10-10.5  > house disarmed
        10-10.5  > key normal 2
    """)  # fmt: skip
    play(house(KEY, WINDOW, plan=plan), """
        1        key active
        1-1.5    > house armed_away
        1-1.5    > key normal 2
        10       key normal
        10-10.5  > key normal 2
        10-10.5  > house armed_away       # not over a way that proves nothing
    """)  # fmt: skip
    play(house(PUSH, WINDOW, plan=plan, trusted_keys=("push",)), """
        1        push active
        1-1.5    > house armed_away
        1-1.5    > push normal 2
        2        push normal
        2-2.5    > push normal 2
        3        push active
        3-3.5    > house disarmed
        3-3.5    > push normal 2
    """)  # fmt: skip


def test_plain_panels_arm_and_do_not_disarm_and_duress_is_told_silently() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    done = play(house(WINDOW, outputs=(SIREN,), plan=plan), """
        1        arm house away by panel plain yes
        1-1.1    > house armed_away
        2        disarm house by panel plain yes
        2-2.1    > house armed_away
        3        disarm house by keypad duress yes
        3-3.1    > house/duress alarm 1
        3-3.1    > house/duress normal 1
        3-3.1    > house disarmed
    """)  # fmt: skip
    assert "not changed: panel said disarm over a way that proves nothing" in done.details()


def test_an_order_from_before_what_was_done_here_is_not_obeyed_and_that_is_told() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    done = play(house(WINDOW, plan=plan), """
        1        arm house away number 1 deeds 0 by desk
        1-1.1    > house armed_away
        10       disarm house by key
        10-10.1  > house disarmed
        20       arm house away number 2 deeds 0 by desk   # the centre did not know of the key yet
        20-20.1  > house disarmed
        30       arm house away number 3 deeds 1 by desk
        30-30.1  > house armed_away
        31       arm house away number 3 deeds 1 by desk   # told again
        40       disarm house number 2 deeds 1 by desk     # an older one
    """)  # fmt: skip
    assert "not obeyed, away of desk: key has decided here since" in done.details()
    assert [each.obeyed for each in done.answers] == [True, True, False, True, True, True]


# Schedules


def test_a_schedule_arms_says_what_hinders_and_disarms() -> None:
    # It begins on a Friday at 16:00.
    plan = PartitionPlan(name="house", exit_s=0, armed=("fri 16:01-16:03",))
    play(house(WINDOW, plan=plan), """
        60-60.1    > house armed_away
        180-180.1  > house disarmed
    """)  # fmt: skip
    play(house(WINDOW, plan=plan), """
        50         window active
        50-50.5    > window alarm 0
        60-60.1    > house disarmed not_armed hinders window
        180-180.1  > house disarmed
    """)  # fmt: skip
    play(house(WINDOW, plan=plan), """
        60-60.1    > house armed_away
        90         disarm house by key
        90-90.1    > house disarmed not_armed
        180-180.1  > house disarmed
    """)  # fmt: skip
    play(house(WINDOW, plan=plan), """
        30         arm house home by key
        30-30.1    > house armed_home      # and the schedule leaves them in peace
        190        window active
        190-190.5  > window alarm 2
        190-190.5  > house triggered
    """)  # fmt: skip


def test_a_schedule_that_began_while_the_power_was_off_counts_and_a_clock_that_was_never_set_does_not() -> None:
    plan = PartitionPlan(name="house", exit_s=0, armed=("fri 16:01-18:00",))
    play(house(WINDOW, plan=plan), """
        30       cut 60
        90-90.1  > house disarmed
        90-90.1  > window normal 2
        90-90.1  > house armed_away
    """)  # fmt: skip
    always = PartitionPlan(name="house", armed=("daily 00:00-24:00",))
    play(house(WINDOW, plan=always, begin_ms=0), "1 window active\n1-1.5 > window alarm 0")


# Supervision, batteries, latches


def test_missing_battery_and_latching() -> None:
    radio = SensorPlan(name="radio", partition="house", check_in_s=60)
    play(house(radio, SMOKE), """
        30         radio normal low
        30-30.1    > radio normal 2 battery_low
        90-90.5    > radio silent 2 battery_low
        95         radio normal good
        95-95.5    > radio normal 2
        100        smoke active
        100-100.5  > smoke alarm 1
        110        smoke normal            # the smoke is gone, the alarm stays
        120        smoke active            # and rings again
        120-120.5  > smoke alarm 1
        121        smoke normal
        130        reset house
        130-130.1  > smoke normal 1
        130-130.1  > house disarmed
        150        radio normal
    """)  # fmt: skip


def test_one_that_is_never_heard_is_missing() -> None:
    at = House((WINDOW,), (HOUSE,))
    at.unit = ControlUnit(at.sensors, at.partitions, (), Memory(), at.moment(0))
    at.unit.drain()
    at.unit.tick(at.moment(14))
    assert at.unit.drain() == []
    at.unit.tick(at.moment(15.1))
    (event,) = at.unit.drain()
    assert isinstance(event, SensorChanged)
    assert (event.state.label, event.detail) == ("silent", "has not been heard since the start")


def test_outputs_fall_silent_in_time_and_are_tested() -> None:
    night = OutputPlan(name="lamp", on=(Cause.ARMED,))
    play(house(WINDOW, outputs=(SIREN, night), plan=PartitionPlan(name="house", exit_s=0, alarm_s=400)), """
        1        test siren
        1-1.1    > siren on
        3-3.1    > siren off
        5        arm house away
        5-5.1    > house armed_away
        5-5.1    > lamp on
        10       window active
        10-10.5  > window alarm 2
        10-10.5  > house triggered
        10-10.5  > siren on
        40-40.5  > siren off
    """)  # fmt: skip


# Power cuts


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "60-60.2 > house disarmed"),
        ("1 arm house away\n1-1.1 > house armed_away", "60-60.2 > house armed_away"),
        ("1 arm house night\n1-1.1 > house armed_night", "60-60.2 > house armed_night"),
        (
            "1 arm house away\n1-1.1 > house armed_away\n20 door active\n20-20.5 > door alarm 0\n"
            "20-20.5 > house pending",
            # 20 to 60 s were more than the entry delay: ten more, to find the key in the dark.
            "60-60.2 > house pending\n60-60.2 > door alarm 0\n70-70.5 > door alarm 2\n70-70.5 > house triggered",
        ),
        (
            "1 arm house away\n1-1.1 > house armed_away\n20 window active\n20-20.5 > window alarm 2\n"
            "20-20.5 > house triggered",
            "60-60.2 > house triggered\n60-60.2 > window alarm 0\n80-80.5 > house armed_away hinders window",
        ),
        (
            "1 window active\n1-1.5 > window alarm 0\n2 arm house away\n"
            "2-2.1 > house disarmed not_armed hinders window",
            "60-60.2 > house disarmed not_armed\n60-60.2 > house disarmed not_armed hinders window\n"
            "60-60.2 > window alarm 0\n70 window normal\n70-70.5 > window normal 2\n"
            "70-70.5 > house armed_away",
        ),
    ],
)
def test_behind_a_power_cut_it_is_as_it_was(before: str, after: str) -> None:
    plan = PartitionPlan(name="house", exit_s=0, alarm_s=60)
    normal = "".join(
        f"\n60-60.2 > {name} normal {2}"
        for name in ("door", "window")
        if f"> {name} alarm" not in after.split("\n70")[0]
    )
    play(house(DOOR, WINDOW, plan=plan), f"{before}\n30 cut 30\n{after}{normal}")


def test_the_exit_delay_begins_anew_behind_a_power_cut() -> None:
    play(house(DOOR), """
        1        arm house away
        1-1.1    > house arming
        30       cut 60
        90-90.1  > house arming
        90-90.1  > door normal 2
        135-136  > house armed_away
    """)  # fmt: skip


def test_what_happened_while_the_power_was_off_rings_and_says_so() -> None:
    plan = PartitionPlan(name="house", exit_s=0, entry_s=30)
    done = play(house(DOOR, WINDOW, SMOKE, KEY, plan=plan, trusted_keys=("key",)), """
        1        key active
        1-1.5    > house armed_away
        1-1.5    > key normal 2
        30       cut 60
        40       window active
        50       smoke active
        90-90.2  > house armed_away
        90-90.2  > door normal 2
        90-90.2  > window alarm 2
        90-90.2  > house triggered
        90-90.2  > smoke alarm 1
        90-90.2  > key normal 2
    """)  # fmt: skip
    found = [event.detail for _, event in done.told if isinstance(event, SensorChanged) and event.sensor == "window"]
    assert found == ["active, found so after a restart"]
    assert any("as before the restart, at most 60 s away" in said for said in done.details())
    # The key was turned meanwhile: that counts.
    play(house(WINDOW, KEY, plan=plan, trusted_keys=("key",)), """
        1        key active
        1-1.5    > house armed_away
        1-1.5    > key normal 2
        30       cut 60
        40       key normal
        90-90.2  > house armed_away
        90-90.2  > window normal 2
        90-90.2  > house disarmed
        90-90.2  > key normal 2
    """)  # fmt: skip


def test_bypass_and_latch_outlive_a_power_cut() -> None:
    play(house(WINDOW, SMOKE, plan=PartitionPlan(name="house", exit_s=0)), """
        1        smoke active
        1-1.5    > smoke alarm 1
        2        smoke normal
        3        bypass window until 500
        3-3.1    > window bypassed 2
        30       cut 60
        90-90.2  > house disarmed
        90-90.2  > smoke alarm 0
        90-90.2  > window bypassed 2
        95       reset house
        95-95.1  > smoke normal 1
        95-95.1  > house disarmed
    """)  # fmt: skip


# What a network, a clock or a hand must not do


def test_what_proves_nothing_changes_nothing_that_is_armed_and_counts_as_no_deed() -> None:
    done = play(house(DOOR, HALL, WINDOW), """
        0        arm house away by key
        0-0.1    > house arming
        45-45.5  > house armed_away
        50       arm house home by panel plain yes      # and somebody has time to come in
        50-50.1  > house armed_away
        51       arm house night by radio plain yes
        51-51.1  > house armed_away
        60       window active
        60-60.5  > window alarm 2
        60-60.5  > house triggered
    """)  # fmt: skip
    events = [event for _, event in done.told if isinstance(event, PartitionChanged)]
    assert {event.deeds for event in events} == {1}


def test_what_proves_nothing_takes_no_arming_back() -> None:
    play(house(WINDOW), """
        0        window active
        0-0.5    > window alarm 0
        1        arm house away by key
        1-1.1    > house disarmed not_armed hinders window
        2        disarm house by radio plain yes
        2-2.1    > house disarmed not_armed hinders window
    """)  # fmt: skip


def test_what_speaks_when_it_likes_is_as_it_was_behind_a_short_restart_and_not_behind_a_long_one() -> None:
    plan, radio = PartitionPlan(name="house", exit_s=0), SensorPlan(name="radio", partition="house")
    at = House((radio,), (plan,))
    memory = at.begin().memory(at.moment(1))

    def begun(after_s: float) -> list[tuple[str, str]]:
        now = at.moment(1 + after_s)
        unit = ControlUnit((radio,), (plan,), (), memory, now, (), ("radio",))
        unit.tick(Moment(now.s + 20, now.at_ms + 20_000))
        return [(event.state.label, event.detail) for event in unit.drain() if isinstance(event, SensorChanged)]

    assert begun(300) == [("normal", "as before the restart, and not heard since")]
    assert begun(900) == [("silent", "has not been heard since the start")]


def test_another_mode_leaves_nothing_unwatched_on_the_way_and_comes_back_where_it_cannot_be() -> None:
    done = house(DOOR, HALL, WINDOW)
    play(done, """
        0          arm house home
        0-0.1      > house arming
        45-45.5    > house armed_home
        50         arm house away
        50-50.1    > house arming
        52         hall active              # not armed at home, on the way out now
        52-52.5    > hall alarm 0
        53         door active
        53-53.5    > door alarm 0
        60         hall normal
        60-60.5    > hall normal 2
        95-95.5    > house armed_home hinders door
        100        window active
        100-100.5  > window alarm 2
        100-100.5  > house triggered
    """)  # fmt: skip
    at = house(DOOR)
    unit = at.begin()
    unit.order(Order("house", PartitionDeed.HOME, "key"), at.moment(1))
    unit.tick(at.moment(60))
    unit.order(Order("house", PartitionDeed.AWAY, "key"), at.moment(61))
    assert unit.is_armed("house"), "lines of cameras stay armed"
    memory = unit.memory(at.moment(62))
    assert memory.partitions["house"].changing_from is Mode.HOME


def test_a_line_that_is_cut_or_shorted_rings_while_it_is_armed() -> None:
    plan = PartitionPlan(name="house", exit_s=0, alarm_s=30)
    done = house(WINDOW, SMOKE, outputs=(SIREN,), plan=plan)
    play(done, """
        1        window tamper
        1-1.5    > window tamper 2         # by day it is told, and no siren sounds
        2        window normal
        2-2.5    > window normal 2
        3        arm house away
        3-3.1    > house armed_away
        5        window tamper
        5-5.5    > window alarm 2
        5-5.5    > house triggered
        5-5.5    > siren on
        5-5.5    > window tamper 2
        8        window missing             # a broken radio is no intruder
        8-8.5    > window silent 2
        35-35.5  > siren off
        35-35.5  > house armed_away
    """)  # fmt: skip
    at = House((WINDOW,), (plan,))
    unit = at.begin()
    unit.order(Order("house", PartitionDeed.AWAY, "key"), at.moment(1))
    unit.drain()
    unit.read("window", Reading(Circuit.FAULT, "adc channel 1: shorted", is_forced=True), at.moment(2))
    unit.tick(at.moment(3))
    told = [event for event in unit.drain() if isinstance(event, SensorChanged)]
    assert [(each.state.label, each.priority, each.detail) for each in told] == [
        ("alarm", 2, "adc channel 1: shorted"), ("fault", 2, "adc channel 1: shorted"),
    ]  # fmt: skip


def test_sirens_of_fire_and_panic_end_with_no_schedule_delay_or_restart() -> None:
    long = OutputPlan(name="siren", on=(Cause.ALARM, Cause.FIRE), seconds=600)
    plan = PartitionPlan(name="house", exit_s=0, alarm_s=60, armed=("fri 16:01-16:03",))
    play(house(WINDOW, SMOKE, BUTTON, outputs=(long,), plan=plan), """
        60-60.1    > house armed_away
        100        window active
        100-100.5  > window alarm 2
        100-100.5  > house triggered
        100-100.5  > siren on
        110        button active
        110-110.5  > button alarm 1
        120        window normal
        120-120.5  > window normal 2
        160-160.5  > house armed_away       # the window's minute is over, the button's is not
        170        smoke active
        170-170.5  > smoke alarm 1
        180-180.1  > house disarmed         # and so is the schedule
        300        cut 10
        310-310.2  > house disarmed
        310-310.2  > window normal 2
        310-310.2  > smoke alarm 0
        310-310.2  > button alarm 0
        310-310.2  > siren on
        320        disarm house by key
        320-320.1  > house disarmed
        320-320.1  > siren off
    """)  # fmt: skip


def test_an_order_before_the_wires_were_read_waits_for_them() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    at = House((WINDOW,), (plan,))
    at.unit = ControlUnit(at.sensors, at.partitions, (), Memory(), at.moment(0))
    answer = at.unit.order(Order("house", PartitionDeed.AWAY, "key"), at.moment(1))
    assert (answer.obeyed, answer.why) == (True, "is armed once its sensors have been heard")
    assert not any(event.not_armed for event in at.unit.drain() if isinstance(event, PartitionChanged))
    at.unit.read("window", Reading(Circuit.NORMAL, is_settled=True), at.moment(2))
    assert [event.state.label for event in at.unit.drain()] == ["normal", "armed_away"]  # type: ignore[union-attr]


def test_what_cannot_be_left_out_leaves_nothing_out() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    shed = SensorPlan(name="gate", partition="shed")
    at = House((WINDOW, DOOR, KEY, shed), (plan, PartitionPlan(name="shed")))
    unit = at.begin()
    for without in (("window", "gate"), ("window", "key"), ("window", "nosuch")):
        answer = unit.order(Order("house", PartitionDeed.AWAY, "desk", without=without), at.moment(1))
        assert answer.why == f"house has no sensor {without[1]!r} to leave out"
    unit.read("door", Reading(Circuit.FAULT, is_settled=True), at.moment(2))
    unit.order(Order("house", PartitionDeed.AWAY, "desk", without=("window",)), at.moment(3))
    assert all(memory.bypass is None for memory in unit.memory(at.moment(4)).sensors.values())


def test_a_bypass_that_is_extended_goes_on_and_a_key_that_is_watched_again_stands_as_it_stands() -> None:
    plan = PartitionPlan(name="house", exit_s=0)
    at = House((WINDOW, KEY), (plan,), trusted_keys=("key",))
    unit = at.begin()
    unit.read("window", Reading(Circuit.ACTIVE, is_settled=True), at.moment(1))
    first = BypassOrder(1, "window", BypassWay.UNTIL, at.moment(100).at_ms, "li", "broken")
    unit.bypasses([first], at.moment(2))
    unit.order(Order("house", PartitionDeed.AWAY, "key"), at.moment(3))
    unit.drain()
    longer = BypassOrder(2, "window", BypassWay.UNTIL, at.moment(900).at_ms, "li", "still broken")
    unit.bypasses([longer], at.moment(4))
    assert [event.state.label for event in unit.drain() if isinstance(event, SensorChanged)] == ["bypassed"]
    unit.tick(at.moment(200))
    assert unit.drain() == []
    unit.bypass("key", Bypass(BypassWay.UNTIL, "li", "x", at.moment(220).at_ms), at.moment(210))
    unit.read("key", Reading(Circuit.ACTIVE, is_settled=True), at.moment(215))
    unit.drain()
    unit.tick(at.moment(221))
    assert [event.state.label for event in unit.drain() if isinstance(event, SensorChanged)] == ["normal"]


def test_clocks_that_are_set_end_no_bypass_and_one_that_is_behind_moves_no_schedule() -> None:
    plan = PartitionPlan(name="house", exit_s=0, armed=("fri 16:01-18:00",))
    at = House((WINDOW,), (plan,))
    unit = at.begin()
    unit.tick(at.moment(120))
    assert unit.memory(at.moment(121)).partitions["house"].state is PartitionState.ARMED_AWAY
    unit.bypass("window", Bypass(BypassWay.UNTIL, "li", "x", at.moment(300).at_ms), at.moment(130))
    year = Moment(at.moment(140).s, at.moment(140).at_ms + 365 * 86_400_000)
    unit.tick(year._replace(at_ms=at.moment(140).at_ms + 3_000_000))  # the clock is set ahead by fifty minutes
    assert unit.memory(at.moment(141)).sensors["window"].bypass
    memory = unit.memory(at.moment(150))
    behind = Moment(0.0, at.moment(150).at_ms - 7_200_000)  # a box without a clock of its own, before NTP
    at.unit = ControlUnit(at.sensors, at.partitions, (), memory, behind)
    at.unit.read("window", Reading(Circuit.NORMAL, is_settled=True), behind)
    at.unit.tick(Moment(5.0, behind.at_ms + 5_000))
    assert at.unit.is_armed("house")


def test_a_memory_that_is_lost_is_told_until_somebody_decides() -> None:
    at = House((WINDOW,), (PartitionPlan(name="house", exit_s=0),))
    at.unit = ControlUnit(at.sensors, at.partitions, (), Memory(lost="partitions.bin cannot be read"), at.moment(0))
    (event,) = [each for each in at.unit.drain() if isinstance(each, PartitionChanged)]
    assert (event.not_armed, event.detail) == (True, "how it was armed is not known: partitions.bin cannot be read")
    at.unit.order(Order("house", PartitionDeed.DISARM, "key"), at.moment(20))
    assert [each.not_armed for each in at.unit.drain() if isinstance(each, PartitionChanged)] == [False]


def test_what_the_file_has_no_more_is_gone() -> None:
    at = House((WINDOW, DOOR), (HOUSE, PartitionPlan(name="shed")))
    memory = at.begin().memory(at.moment(1))
    unit = ControlUnit((WINDOW,), (HOUSE,), (), memory, at.moment(2))
    told = [(event.sensor, event.state.label) for event in unit.drain() if isinstance(event, SensorChanged)]
    assert told == [("door", "gone")]
    again = ControlUnit((WINDOW,), (HOUSE,), (), memory, at.moment(2)).drain()
    assert [e.partition for e in again if isinstance(e, PartitionChanged) and e.state.label == "gone"] == ["shed"]


def test_a_loose_contact_pushes_no_others_out_and_its_alarms_ring_all_the_same() -> None:
    at = House((WINDOW,), (PartitionPlan(name="house", exit_s=0),))
    unit = at.begin()
    told = list[SensorChanged]()
    for step in range(1200):
        if step == 600:
            unit.order(Order("house", PartitionDeed.AWAY, "desk", without=()), at.moment(step * 0.1))
        circuit = Circuit.ACTIVE if step % 2 else Circuit.NORMAL
        unit.read("window", Reading(circuit, is_settled=True), at.moment(step * 0.1))
        unit.tick(at.moment(step * 0.1))
        told += [event for event in unit.drain() if isinstance(event, SensorChanged)]
    assert len(told) < 120, "of 1,200 changes"
    assert "changes more than 40 times a minute" in {event.detail for event in told}
    assert 5 <= len([event for event in told if event.state.label == "alarm" and event.priority]) <= 40
    unit.read("window", Reading(Circuit.NORMAL, is_settled=True), at.moment(121))
    unit.tick(at.moment(200))
    last = [event for event in unit.drain() if isinstance(event, SensorChanged)][-1]
    assert last.state.label == "normal", "and how it is in the end is told"


def test_a_latch_hides_no_silence_and_is_no_new_fire_behind_a_restart() -> None:
    play(house(SMOKE), """
        1        smoke active
        1-1.5    > smoke alarm 1
        2        smoke missing
        2-2.5    > smoke silent 1
        3        smoke normal
        3-3.5    > smoke alarm 0
        30       cut 30
        60-60.2  > house disarmed
        60-60.2  > smoke alarm 0
    """)  # fmt: skip


# As a whole


def test_whatever_happens_an_armed_partition_never_falls_silent_by_itself() -> None:
    """Random wires, times and cuts: armed stays armed until a person disarms it, and all fits the wire."""
    for seed in range(60):
        draw = random.Random(seed)
        at = House((DOOR, HALL, WINDOW, SMOKE), (PartitionPlan(name="house", exit_s=5, entry_s=10, alarm_s=20),))
        at.switch_on(0, Memory())
        now_s, armed, window = 0.0, False, Circuit.NORMAL
        for _ in range(300):
            assert at.unit
            now_s += draw.choice([0.05, 0.3, 1.0, 4.0])
            now = at.moment(now_s)
            deed = draw.random()
            if deed < 0.05:
                memory = at.unit.memory(now)
                now_s += draw.choice([1, 30])
                at.wires["window"] = Reading(window)
                at.switch_on(now_s, memory)
            elif deed < 0.1:
                at.unit.order(Order("house", PartitionDeed.AWAY, "key"), now)
            elif deed < 0.13:
                at.unit.order(Order("house", PartitionDeed.DISARM, "key"), now)
                armed = False
            elif deed < 0.6:
                name = draw.choice(["door", "hall", "window"])
                circuit = draw.choice([Circuit.NORMAL, Circuit.ACTIVE, Circuit.TAMPER, Circuit.MISSING])
                at.wires[name] = Reading(circuit)
                at.unit.read(name, at.wires[name], now)
                window = circuit if name == "window" else window
            at.unit.tick(now)
            for event in at.unit.drain():
                assert (
                    not isinstance(event, PartitionChanged | SensorChanged)
                    or decode_event(encode_event(event)) == event
                )
                if isinstance(event, PartitionChanged):
                    if event.state in (PartitionState.ARMED_AWAY, PartitionState.PENDING, PartitionState.TRIGGERED):
                        armed = True
                    elif armed:
                        raise AssertionError(f"seed {seed}: {event} though nobody disarmed")
