//! The figures as rows and as JSON.

use serde_json::{Value, json};
use tests::measure::Row;

use super::idle::Idle;
use super::kill::Killed;
use super::shares::Shares;
use super::tips::Tips;

pub(crate) fn rows(shares: &[Shares], tips: &[Tips], idle: &Idle, killed: &Killed) -> Vec<Row> {
    let mut rows: Vec<Row> = shares.iter().flat_map(of_shares).collect();
    rows.extend(tips.iter().flat_map(of_tips));
    rows.push(Row::new(
        format!("{} idle sessions: memory of each", idle.sessions),
        idle.bytes_a_session / 1_024.0,
        "KiB",
    ));
    rows.push(Row::new("kill -9 under load: shares acknowledged", killed.acknowledged as f64, "shares"));
    rows.push(Row::new("kill -9 under load: missing in the evidence", killed.missing as f64, "shares"));
    rows
}

fn of_shares(measured: &Shares) -> [Row; 17] {
    let name = |what: &str| format!("{} sessions: {what}", measured.sessions);
    let ((cpu, cpu_median), (echo, echo_median)) = (measured.closed.cpu_us(), measured.echo.cpu_us());
    let ((hash, hash_median), (of_floor, of_floor_median)) = (measured.hash_us, measured.of_floor());
    let ((half, half_median), (echo_half, echo_half_median)) = (measured.half.p99_us(), measured.echo_half.p99_us());
    [
        Row::new(name("accepted, closed loop"), measured.closed.rate(), "shares/s"),
        Row::new(name("accepted, open loop, at most"), measured.open_ceiling, "shares/s"),
        Row::new(name("server CPU for a share, median second"), cpu_median, "us"),
        Row::new(name("the same, least disturbed second"), cpu, "us"),
        Row::new(name("floor: line-echo server's CPU for a line, median"), echo_median, "us"),
        Row::new(name("the same, least disturbed second"), echo, "us"),
        Row::new(name("floor: hashing one share, median"), hash_median, "us"),
        Row::new(name("the same, least disturbed turn"), hash, "us"),
        Row::new(name("CPU / (echo + hashing), median seconds"), of_floor_median, "x"),
        Row::new(name("the same, least disturbed seconds"), of_floor, "x"),
        Row::new(name("floor: line-echo server, closed loop"), measured.echo.rate(), "lines/s"),
        Row::new(name("99 of 100 answered in, closed loop"), measured.closed.p99_us().1 / 1e3, "ms"),
        Row::new(name("99 of 100 answered in, at half of that rate"), half / 1e3, "ms"),
        Row::new(name("the same, median second"), half_median / 1e3, "ms"),
        Row::new(name("floor: line-echo server at that rate"), echo_half / 1e3, "ms"),
        Row::new(name("the same, median second"), echo_half_median / 1e3, "ms"),
        Row::new(name("rejected"), (measured.closed.rejected + measured.half.rejected) as f64, "shares"),
    ]
}

fn of_tips(measured: &Tips) -> [Row; 6] {
    let name = |what: &str| format!("{} sessions: {what}", measured.sessions);
    let (pool, floor, (least, median)) = (&measured.pool, &measured.floor, measured.of_floor());
    [
        Row::new(name("new tip to the first job, median tip"), pool.first_ms.1, "ms"),
        Row::new(name("new tip to the last job, median tip"), pool.last_ms.1, "ms"),
        Row::new(name("floor: a buffer to every socket, median"), floor.last_ms.1, "ms"),
        Row::new(name("last job / floor, median tips"), median, "x"),
        Row::new(name("new tip to the last job, least disturbed tip"), pool.last_ms.0, "ms"),
        Row::new(name("last job / floor, least disturbed tips"), least, "x"),
    ]
}

pub(crate) fn summary(shares: &[Shares], tips: &[Tips], idle: &Idle, killed: &Killed) -> Value {
    let of_shares = |measured: &Shares| {
        json!({
            "sessions": measured.sessions,
            "shares_per_second": measured.closed.rate().round(),
            "open_ceiling": measured.open_ceiling.round(),
            "cpu_us": measured.closed.cpu_us().1,
            "hash_us": measured.hash_us.1,
            "of_floor": measured.of_floor().1,
            "of_floor_least": measured.of_floor().0,
            "p50_us_at_half": measured.half.p50_us(),
            "p99_us_at_half": measured.half.p99_us().0,
            "p99_us_at_half_median": measured.half.p99_us().1,
            "echo_p99_us_at_half": measured.echo_half.p99_us().0,
            "echo_p99_us_at_half_median": measured.echo_half.p99_us().1,
        })
    };
    let of_tips = |measured: &Tips| {
        json!({
            "sessions": measured.sessions,
            "first_ms": measured.pool.first_ms.1,
            "last_ms": measured.pool.last_ms.1,
            "floor_last_ms": measured.floor.last_ms.1,
            "of_floor": measured.of_floor().1,
            "last_ms_least": measured.pool.last_ms.0,
            "floor_last_ms_least": measured.floor.last_ms.0,
            "of_floor_least": measured.of_floor().0,
        })
    };
    json!({
        "shares": shares.iter().map(of_shares).collect::<Vec<_>>(),
        "tips": tips.iter().map(of_tips).collect::<Vec<_>>(),
        "idle_sessions": idle.sessions,
        "idle_bytes_a_session": idle.bytes_a_session.round(),
        "killed_acknowledged": killed.acknowledged,
        "killed_missing": killed.missing,
    })
}
