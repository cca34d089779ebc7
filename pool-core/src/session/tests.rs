use super::*;
use crate::{fixtures, stratum::request::parse};

const NETWORK: u32 = 0x1d00_ffff;

fn session() -> Session {
    Session::new(&fixtures::config(), ListenerProfile::Farm, Instant::now())
}

fn ready() -> Session {
    let mut session = session();
    assert_eq!(handle(&mut session, r#"{"id":1,"method":"mining.subscribe"}"#), Step::Subscribe { resume: None });
    subscribe(&mut session, 5, None);
    handle(&mut session, r#"{"id":2,"method":"mining.authorize","params":["lot.rig",""]}"#);
    session
}

fn subscribe(session: &mut Session, number: u8, memory: Option<Memory>) -> String {
    let id = SubscriptionId::new([0, 0, 0, number], &[0; 32]);
    session.subscribe(&json!(1), Subscription { id, memory }, Instant::now())
}

fn handle(session: &mut Session, line: &str) -> Step {
    session.handle(&parse(line.as_bytes()).unwrap(), Instant::now())
}

fn submit(session: &mut Session, job: &str) -> Step {
    let params = format!(r#"["lot.rig","{job}","0000000000000000","6553f100","00000000"]"#);
    handle(session, &format!(r#"{{"id":3,"method":"mining.submit","params":{params}}}"#))
}

#[test]
fn jobs_wait_for_subscription_and_authorization() {
    let job = fixtures::job(NETWORK);
    let mut session = session();
    assert!(session.announce(&job, Instant::now()).is_none());
    subscribe(&mut session, 0, None);
    assert!(session.announce(&job, Instant::now()).is_none());
    handle(&mut session, r#"{"id":2,"method":"mining.authorize","params":["a"]}"#);
    let announcement = session.announce(&job, Instant::now()).unwrap();
    assert!(announcement.clean_jobs);
    assert!(announcement.set_difficulty.is_some());
}

#[test]
fn a_job_goes_out_once_per_level_and_a_new_level_comes_with_its_own_notify() {
    let job = fixtures::job(NETWORK);
    let mut session = ready();
    session.announce(&job, Instant::now()).unwrap();
    assert!(session.announce(&job, Instant::now()).is_none());
    handle(&mut session, r#"{"id":4,"method":"mining.suggest_difficulty","params":[0.5]}"#);
    let announcement = session.announce(&job, Instant::now()).unwrap();
    assert_eq!(announcement.job.id.level.get(), -1);
    assert!(!announcement.clean_jobs);
    assert!(announcement.set_difficulty.unwrap().contains("[0.5]"));
    handle(&mut session, r#"{"id":4,"method":"mining.suggest_difficulty","params":[0.00006103515625]}"#);
    assert!(session.announce(&job, Instant::now()).is_none(), "level -14 was sent for this job already");
}

#[test]
fn clean_jobs_only_on_a_new_previous_hash() {
    let mut session = ready();
    let clean = |session: &mut Session, template, number| {
        session.announce(&fixtures::job_on(template, number), Instant::now()).unwrap().clean_jobs
    };
    assert!(clean(&mut session, fixtures::template(NETWORK), 0));
    assert!(!clean(&mut session, fixtures::template(NETWORK), 1));
    let next = crate::node::BlockTemplate { prevhash: BlockHash([8; 32]), ..fixtures::template(NETWORK) };
    assert!(clean(&mut session, next, 2));
}

#[test]
fn levels_never_go_below_the_network_target() {
    let mut session = ready();
    handle(&mut session, r#"{"id":4,"method":"mining.suggest_difficulty","params":[1000000]}"#);
    let announcement = session.announce(&fixtures::job(NETWORK), Instant::now()).unwrap();
    assert_eq!(announcement.job.id.level.get(), 0);
    assert_eq!(session.vardiff.level().get(), 0);
}

#[test]
fn submissions_need_subscription_worker_and_a_job_that_was_sent() {
    let job = fixtures::job(NETWORK);
    let id = job.at(Level::new(-14).unwrap()).id.to_string();
    assert_eq!(submit(&mut session(), &id), Step::Reject(RejectReason::NotSubscribed, None));
    let mut stranger = session();
    subscribe(&mut stranger, 0, None);
    assert_eq!(submit(&mut stranger, &id), Step::Reject(RejectReason::Unauthorized, None));
    let mut session = ready();
    let reason = |step| match step {
        Step::Reject(reason, Some(_)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(submit(&mut session, &id)), RejectReason::UnknownJob);
    session.announce(&job, Instant::now()).unwrap();
    assert!(matches!(submit(&mut session, &id), Step::Judge(_)));
    let other_level = job.at(Level::new(-15).unwrap()).id.to_string();
    assert_eq!(reason(submit(&mut session, &other_level)), RejectReason::UnknownJob);
    let earlier = crate::job_id::JobId { epoch: 6, ..job.at(Level::MIN).id };
    assert_eq!(reason(submit(&mut session, &earlier.to_string())), RejectReason::Stale);
}

#[test]
fn configure_grants_the_mask_and_refuses_what_it_does_not_know() {
    let mut session = session();
    let line = r#"{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty","subscribe-extranonce","info"],{"version-rolling.mask":"ffffffff","minimum-difficulty.value":0.001}]}"#;
    let Step::Reply(reply) = handle(&mut session, line) else { panic!() };
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!(
        reply["result"],
        json!({"version-rolling": true, "version-rolling.mask": "1fffe000", "minimum-difficulty": true,
            "subscribe-extranonce": true, "info": false})
    );
    assert_eq!(session.vardiff.level().get(), -9);
}

#[test]
fn a_second_subscription_keeps_the_extranonce() {
    let mut session = ready();
    let Step::Reply(reply) = handle(&mut session, r#"{"id":9,"method":"mining.subscribe"}"#) else { panic!() };
    assert!(reply.contains("\"00000005\",8]"), "{reply}");
}

#[test]
fn silence_eases_the_level_only_once_there_is_a_job() {
    let mut session = ready();
    session.tick(session.due());
    assert_eq!(session.vardiff.level().get(), -14);
    session.announce(&fixtures::job(NETWORK), Instant::now()).unwrap();
    session.tick(session.due());
    assert_eq!(session.vardiff.level().get(), -18);
}

#[test]
fn a_rental_session_starts_hard_and_ignores_easier_suggestions() {
    let mut session = Session::new(&fixtures::config(), ListenerProfile::Rental, Instant::now());
    for suggestion in ["1", "65536", "1048575"] {
        let method = r#"{"id":1,"method":"mining.suggest_difficulty","params":["#;
        handle(&mut session, &format!("{method}{suggestion}]}}"));
        assert_eq!(session.vardiff.level().get(), 20, "{suggestion}");
    }
    handle(&mut session, r#"{"id":1,"method":"mining.suggest_difficulty","params":[5000000]}"#);
    assert_eq!(session.vardiff.level().get(), 22);
}

#[test]
fn the_subscription_id_is_not_the_extranonce1_that_shares_show() {
    let reply: Value = serde_json::from_str(&subscribe(&mut session(), 5, None)).unwrap();
    let id = reply["result"][0][1][1].as_str().unwrap();
    assert_eq!(reply["result"][0], json!([["mining.set_difficulty", id], ["mining.notify", id]]));
    assert_eq!((&reply["result"][1], &reply["result"][2]), (&json!("00000005"), &json!(8)));
    assert!(id.len() == 32 && id.starts_with("00000005"), "{id}");
}

#[test]
fn a_resumed_session_goes_on_where_it_was() {
    let job = fixtures::job(NETWORK);
    let mut first = ready();
    handle(&mut first, r#"{"id":4,"method":"mining.suggest_difficulty","params":[0.5]}"#);
    let sent = first.announce(&job, Instant::now()).unwrap().job.id.to_string();
    let (extranonce1, memory) = first.end().unwrap();
    assert_eq!(extranonce1, [0, 0, 0, 5]);
    let mut second = session();
    subscribe(&mut second, 5, Some(memory));
    handle(&mut second, r#"{"id":2,"method":"mining.authorize","params":["lot.rig",""]}"#);
    assert!(matches!(submit(&mut second, &sent), Step::Judge(_)), "what was on the way counts");
    let announcement = second.announce(&job, Instant::now()).unwrap();
    assert_eq!(announcement.job.id.to_string(), sent, "the rig has forgotten the job: it is sent anew, at its level");
    assert!(!announcement.clean_jobs, "the previous hash is the same");
    assert!(second.announce(&job, Instant::now()).is_none());
}

#[test]
fn a_difficulty_in_name_or_password_is_a_minimum() {
    let check = |name: &str, password: &str, first: i8, after_an_easier_suggestion: i8| {
        let mut session = session();
        subscribe(&mut session, 0, None);
        handle(&mut session, &format!(r#"{{"id":2,"method":"mining.authorize","params":["{name}","{password}"]}}"#));
        assert_eq!(session.vardiff.level().get(), first, "{name} {password}");
        handle(&mut session, r#"{"id":4,"method":"mining.suggest_difficulty","params":[0.00001]}"#);
        assert_eq!(session.vardiff.level().get(), after_an_easier_suggestion, "{name} {password}");
    };
    check("lot.rig", "x", -14, -17);
    check("lot.rig+65536", "x", 16, 16);
    check("lot.rig", "d=1000", 10, 10);
    check("lot.rig", "d=0.0001", -13, -13);
}

#[test]
fn a_worker_submits_under_the_name_it_logged_in_with() {
    let mut session = session();
    subscribe(&mut session, 0, None);
    handle(&mut session, r#"{"id":2,"method":"mining.authorize","params":["lot.rig+4096","x"]}"#);
    let job = fixtures::job(0x1702_0000);
    let id = session.announce(&job, Instant::now()).unwrap().job.id;
    let line = |name: &str| {
        format!(
            r#"{{"id":3,"method":"mining.submit","params":["{name}","{id}","0000000000000000","6553f100","00000000"]}}"#
        )
    };
    assert!(matches!(handle(&mut session, &line("lot.rig+4096")), Step::Judge(_)));
    assert_eq!(handle(&mut session, &line("lot.rig")), Step::Reject(RejectReason::Unauthorized, None));
}

#[test]
fn notifications_and_answers_get_no_reply() {
    let mut session = ready();
    for line in [
        r#"{"id":null,"method":"mining.suggest_difficulty","params":[64]}"#,
        r#"{"method":"mining.suggest_difficulty","params":[64]}"#,
        r#"{"id":9,"result":"cgminer/4.12.1","error":null}"#,
    ] {
        assert_eq!(handle(&mut session, line), Step::Silence, "{line}");
    }
    assert_eq!(session.vardiff.level().get(), 6);
}

#[test]
fn only_invalid_shares_bring_the_job_again_once() {
    let job = fixtures::job(NETWORK);
    let (mut session, start) = (ready(), Instant::now());
    let sent = session.announce(&job, start).unwrap().job.id;
    let patience = fixtures::config().limits.invalid_patience;
    assert_eq!(session.rejected(RejectReason::AboveTarget, None, start), Consequence::None);
    assert!(session.announce(&job, start).is_none());
    assert_eq!(session.rejected(RejectReason::AboveTarget, None, start + patience), Consequence::Resend);
    let again = session.announce(&job, start).unwrap();
    assert!(again.job.id == sent && again.clean_jobs);
    assert!(session.announce(&job, start).is_none());
}
