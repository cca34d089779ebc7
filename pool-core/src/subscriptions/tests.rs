use super::*;
use proptest::prelude::*;

const KEY: [u8; 32] = [7; 32];

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    start: Instant,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { path: folder.path().join("extranonce1"), _folder: folder, start: Instant::now() }
    }

    fn open(&self, now: Instant) -> Subscriptions {
        Subscriptions::open(self.path.clone(), KEY, now).unwrap()
    }
}

/// Long after the start, so that only what is remembered can come back.
fn settled(place: &Place) -> (Subscriptions, Instant) {
    (place.open(place.start), place.start + 2 * WINDOW)
}

fn resume(subscriptions: &mut Subscriptions, id: SubscriptionId, now: Instant) -> bool {
    subscriptions.subscribe(Some(&id.to_string()), now).unwrap().id.extranonce1() == id.extranonce1()
}

#[test]
fn an_ended_subscription_comes_back_within_the_window_only() {
    let place = Place::new();
    let (mut subscriptions, now) = settled(&place);
    let check = |subscriptions: &mut Subscriptions, after: Duration, expected: bool| {
        let id = subscriptions.subscribe(None, now).unwrap().id;
        subscriptions.end(id.extranonce1(), Memory::default(), now);
        assert_eq!(resume(subscriptions, id, now + after), expected, "{after:?}");
    };
    check(&mut subscriptions, Duration::ZERO, true);
    check(&mut subscriptions, WINDOW - Duration::from_millis(1), true);
    check(&mut subscriptions, WINDOW, false);
}

#[test]
fn a_subscription_in_use_is_not_given_twice() {
    let place = Place::new();
    let (mut subscriptions, now) = settled(&place);
    let id = subscriptions.subscribe(None, now).unwrap().id;
    assert!(!resume(&mut subscriptions, id, now));
    subscriptions.end(id.extranonce1(), Memory::default(), now);
    assert!(resume(&mut subscriptions, id, now));
    assert!(!resume(&mut subscriptions, id, now));
}

#[test]
fn after_a_restart_any_id_of_ours_comes_back_for_the_window() {
    let place = Place::new();
    let id = place.open(place.start).subscribe(None, place.start).unwrap().id;
    assert!(resume(&mut place.open(place.start), id, place.start));
    assert!(!resume(&mut place.open(place.start), id, place.start + WINDOW));
}

#[test]
fn an_id_needs_the_pools_key() {
    let place = Place::new();
    let mut subscriptions = place.open(place.start);
    let foreign = SubscriptionId::new([0, 0, 16, 5], &[8; 32]);
    assert!(!resume(&mut subscriptions, foreign, place.start));
    let ours = SubscriptionId::new([0, 0, 16, 5], &KEY);
    assert!(resume(&mut subscriptions, ours, place.start));
    for text in ["", "00001005", "NiceHash", "1700000000000", &ours.to_string()[1..], &format!("{ours}00")] {
        assert_ne!(subscriptions.subscribe(Some(text), place.start).unwrap().id.extranonce1(), ours.extranonce1());
    }
}

#[test]
fn a_second_end_starts_the_window_anew() {
    let place = Place::new();
    let (mut subscriptions, now) = settled(&place);
    let id = subscriptions.subscribe(None, now).unwrap().id;
    subscriptions.end(id.extranonce1(), Memory::default(), now);
    let later = now + WINDOW / 2;
    assert!(resume(&mut subscriptions, id, later));
    subscriptions.end(id.extranonce1(), Memory::default(), later);
    assert!(resume(&mut subscriptions, id, later + WINDOW / 2 + Duration::from_secs(1)));
}

#[test]
fn a_mark_behind_what_was_resumed_gives_nothing_twice() {
    let place = Place::new();
    let mut subscriptions = place.open(place.start);
    let resumed: Vec<_> = [1, 2].map(|n| SubscriptionId::new([0, 0, 0, n], &KEY)).into();
    assert!(resumed.iter().all(|id| resume(&mut subscriptions, *id, place.start)));
    let fresh: Vec<_> =
        (0..3).map(|_| subscriptions.subscribe(None, place.start).unwrap().id.extranonce1()[3]).collect();
    assert_eq!(fresh, [0, 3, 4]);
}

#[test]
fn what_is_remembered_of_ended_sessions_is_bounded() {
    let place = Place::new();
    let (mut subscriptions, now) = settled(&place);
    for _ in 0..2 * REMEMBERED {
        let id = subscriptions.subscribe(None, now).unwrap().id;
        subscriptions.end(id.extranonce1(), Memory::default(), now);
    }
    assert_eq!((subscriptions.ended.len(), subscriptions.order.len()), (REMEMBERED, REMEMBERED));
    assert!(subscriptions.in_use.is_empty());
}

proptest! {
    /// Whoever comes and goes in whatever order, with whatever ids: no two connections have one extranonce1.
    #[test]
    fn no_two_connections_have_one_extranonce1(steps in proptest::collection::vec((0u8..4, 0usize..8, 0u64..400), 1..80)) {
        let place = Place::new();
        let (mut subscriptions, mut now) = (place.open(place.start), place.start);
        let mut ids: Vec<SubscriptionId> = Vec::new();
        let mut open: Vec<[u8; 4]> = Vec::new();
        for (kind, pick, seconds) in steps {
            now += Duration::from_secs(seconds);
            match (kind, open.is_empty()) {
                (0, false) => {
                    let extranonce1 = open.swap_remove(pick % open.len());
                    subscriptions.end(extranonce1, Memory::default(), now);
                }
                _ => {
                    let resume = (!ids.is_empty() && kind > 1).then(|| ids[pick % ids.len()].to_string());
                    let subscription = subscriptions.subscribe(resume.as_deref(), now).unwrap();
                    prop_assert!(!open.contains(&subscription.id.extranonce1()));
                    open.push(subscription.id.extranonce1());
                    ids.push(subscription.id);
                }
            }
        }
    }
}
