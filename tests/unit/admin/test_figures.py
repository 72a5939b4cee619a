from __future__ import annotations

from gateway.admin.figures import MOST_VALUES, OTHERS, Figures
from tests.unit.admin.logs import decision

NOW = "2026-11-23T10:59:59.000000Z"


def test_decisions_are_counted_over_time_and_by_what_they_are_about() -> None:
    figures = Figures()
    for seq, (verdict, host) in enumerate((("deny", "a.example"), ("deny", "a.example"), ("allow", "b.example")), 1):
        figures.take(decision(seq, verdict=verdict, host=host, minute=seq).rstrip())

    told = figures.told("1h", NOW, 5)

    assert told["decisions"] == {"allow": 1, "deny": 2}
    assert told["over_time"][0] == {"time": "2026-11-23T10:01", "allow": 0, "deny": 1}
    assert told["blocked"]["host"] == [{"value": "a.example", "count": 2}]
    assert told["blocked"]["rule"] == [{"value": "no-x", "count": 2}]
    assert told["allowed"]["client"] == [{"value": "192.0.2.1", "count": 1}]
    assert (told["since"], told["per"]) == ("2026-11-23T10:01:00.000000Z", "minute")


def test_a_line_in_another_order_is_parsed_and_others_do_not_count() -> None:
    figures = Figures()
    figures.take(b'{"v":1,"event":"decision","time":"2026-11-23T10:00:00Z","seq":1,"decision":{"verdict":"deny"}}')
    figures.take(b'{"v":1,"seq":2,"time":"2026-11-23T10:00:00Z","event":"end","decision":{"verdict":"deny"}}')
    figures.take(b"damaged")

    assert figures.told("24h", NOW, 5)["decisions"] == {"allow": 0, "deny": 1}


def test_memory_does_not_depend_on_what_clients_ask_for() -> None:
    figures = Figures()
    for seq in range(1, MOST_VALUES + 11):
        figures.take(decision(seq, host=f"{seq}.example").rstrip())

    hosts = figures.told("1h", NOW, 1000)["blocked"]["host"]

    assert len(hosts) == MOST_VALUES + 1
    assert hosts[0] == {"value": OTHERS, "count": 10}


def test_an_hour_that_is_over_is_forgotten_by_the_minute_and_kept_by_the_hour() -> None:
    figures = Figures()
    for hour in range(10, 14):
        for minute in range(60):
            line = decision(hour * 60 + minute, minute=minute)
            figures.take(line.rstrip().replace(b"T10:", b"T%d:" % hour))

    assert len(figures.told("1h", "2026-11-23T13:59:59Z", 1)["over_time"]) == 60
    assert figures.told("24h", "2026-11-23T13:59:59Z", 1)["decisions"]["deny"] == 240
