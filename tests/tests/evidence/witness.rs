//! log.signed and log.time with witnesses: what a quorum proves, and what an operator can't do behind its back.

use audit_core::{
    audit::{AuditReport, AuditRequest, CheckId, Outcome},
    bundle::Files,
    entry::Entry,
};
use tests::operator::{Cheats, Script, Story, witnessed::*};

use crate::cheats::run;

const TEN_MINUTES_S: u64 = 600;

/// A log with three witnesses of whom two must have cosigned.
fn tell(cosign: &dyn Fn(&Moment<'_>) -> Option<u64>) -> Story {
    Script::tell(&Cheats { witnesses: Some(Witnesses { count: 3, threshold: 2, cosign }), ..Cheats::default() })
}

fn audit(story: &Story) -> AuditReport {
    run(&story.files, &AuditRequest::new(story.policy.clone()))
}

fn failed(report: &AuditReport) -> Vec<CheckId> {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(|check| check.id).collect()
}

fn detail(report: &AuditReport, id: CheckId) -> &str {
    report.checks.iter().find(|check| check.id == id).map_or("", |check| &check.detail)
}

/// The log holds when its witnesses cosign so.
#[track_caller]
fn holds(cosign: &dyn Fn(&Moment<'_>) -> Option<u64>) -> AuditReport {
    let report = audit(&tell(cosign));
    assert!(report.held, "{:#?}", report.checks);
    report
}

/// Exactly this check fails, at this file.
#[track_caller]
fn fails(cosign: &dyn Fn(&Moment<'_>) -> Option<u64>, expected: CheckId, file: &str) {
    let report = audit(&tell(cosign));
    assert_eq!(failed(&report), [expected], "{:#?}", report.checks);
    let place = report.checks.iter().find(|check| check.id == expected).and_then(|check| check.place.clone());
    assert!(place.as_ref().is_some_and(|place| place.file.starts_with(file)), "{place:?}");
}

fn opens(moment: &Moment<'_>, number: u64) -> bool {
    matches!(moment.behind, Some(Entry::EpochOpen(open)) if open.epoch == number)
}

fn closes(moment: &Moment<'_>, number: u64) -> bool {
    matches!(moment.behind, Some(Entry::EpochClose(close)) if close.epoch == number)
}

#[test]
fn a_witnessed_log_holds_and_says_who_saw_it() {
    let report = holds(&|moment| Some(moment.time_s));
    assert!(detail(&report, CheckId::LogSigned).ends_with("cosigned by w1, w2, w3"));
    assert!(detail(&report, CheckId::LogTime).ends_with("5 of 5 boundaries timed by witnesses"));
    let report = holds(&|moment| (moment.witness != 2).then_some(moment.time_s));
    assert!(detail(&report, CheckId::LogSigned).ends_with("cosigned by w1, w3"));
}

#[test]
fn a_newest_checkpoint_without_quorum_fails_log_signed() {
    fails(&|moment| (moment.witness == 1).then_some(moment.time_s), CheckId::LogSigned, "log/checkpoint");
    let newest_alone = |moment: &Moment<'_>| (moment.behind.is_some() || moment.witness == 3).then_some(moment.time_s);
    fails(&newest_alone, CheckId::LogSigned, "log/checkpoint");
}

#[test]
fn a_kept_checkpoint_without_quorum_is_counted_and_does_not_fail() {
    let away = |moment: &Moment<'_>| (!opens(moment, 2) || moment.witness == 1).then_some(moment.time_s);
    let report = holds(&away);
    assert!(detail(&report, CheckId::LogTime).ends_with("4 of 5 boundaries timed by witnesses"));
}

#[test]
fn a_false_cosignature_fails_log_signed() {
    let forge = |path: &'static str| {
        let change = move |files: &mut Files| {
            let note = files.get_mut(path).unwrap();
            let line = witness_key(1).cosign(b"another checkpoint\n", 1);
            note.extend(line.bytes());
        };
        let witnesses =
            Witnesses { count: 3, threshold: 2, cosign: &|moment| (moment.witness != 1).then_some(moment.time_s) };
        let story = Script::tell(&Cheats { witnesses: Some(witnesses), files: &change, ..Cheats::default() });
        failed(&audit(&story))
    };
    assert_eq!(forge("log/checkpoint"), [CheckId::LogSigned]);
    assert_eq!(forge("log/checkpoints/6"), [CheckId::LogSigned]);
}

#[test]
fn a_start_that_witnesses_saw_at_another_time_fails_log_time() {
    for epoch in [1, 3] {
        let at = |moment: &Moment<'_>, late: i64| {
            let shift = if opens(moment, epoch) { late } else { 0 };
            moment.time_s.checked_add_signed(shift)
        };
        let limit = i64::try_from(TEN_MINUTES_S).unwrap();
        holds(&|moment| at(moment, limit));
        holds(&|moment| at(moment, -limit));
        fails(&|moment| at(moment, limit + 1), CheckId::LogTime, "log/checkpoints/");
        fails(&|moment| at(moment, -limit - 1), CheckId::LogTime, "log/checkpoints/");
    }
}

#[test]
fn a_close_that_witnesses_saw_before_the_end_or_long_after_it_fails_log_time() {
    // The script's grace is 3 s: its closes are seen 3 s behind the end.
    let at =
        |moment: &Moment<'_>, shift: i64| moment.time_s.checked_add_signed(if closes(moment, 1) { shift } else { 0 });
    holds(&|moment| at(moment, -3));
    fails(&|moment| at(moment, -4), CheckId::LogTime, "log/checkpoints/");
    let limit = i64::try_from(TEN_MINUTES_S).unwrap();
    holds(&|moment| at(moment, limit));
    fails(&|moment| at(moment, limit + 1), CheckId::LogTime, "log/checkpoints/");
}

#[test]
fn one_wrong_clock_does_not_matter_while_the_quorum_agrees() {
    holds(&|moment| Some(if moment.witness == 1 { 1 } else { moment.time_s }));
    let two_wrong = |moment: &Moment<'_>| Some(if moment.witness < 3 && opens(moment, 2) { 1 } else { moment.time_s });
    fails(&two_wrong, CheckId::LogTime, "log/checkpoints/");
}

#[test]
fn an_epoch_that_starts_in_the_future_fails_log_time() {
    // Nobody cosigned the boundaries, and the newest head was seen long before the last epoch is said to begin.
    let early = |moment: &Moment<'_>| moment.behind.is_none().then_some(moment.time_s - 2 * TEN_MINUTES_S);
    fails(&early, CheckId::LogTime, "log/checkpoint");
}
