//! What operators ask of a node, and what they are not given.

use quorate::adapters::Advertised;
use quorate::adapters::endpoint::NodeView;
use quorate::adapters::endpoint::operator::{
    Change, ChangeKind, Command, Inquiry, Refused, Reply, Request, Ticket,
};
use quorate::adapters::seal::Key;
use quorate::{Output, RoleKind, Status, Urgency};

use super::*;

const WALL: Duration = Duration::from_secs(1_800_000_000);

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A leader alone in its group, with these keys, which takes commands.
fn lone(keys: Option<Keyring>) -> World {
    let mut node = Node::new(1, &[1], keys);
    node.endpoint.take_commands(true);
    let mut world = World::of([node]);
    world.run_for(LONG);
    world
}

fn status(seed: u64, length: usize) -> Inquiry {
    Inquiry::status(GROUP, &keys(), length, &mut rng(seed)).unwrap()
}

/// Has node 1 answer `inquiry` as a host does, and returns the reply. Checks that it is no longer than the inquiry.
fn ask(world: &mut World, inquiry: &Inquiry) -> Reply<Id> {
    let (now, mut replies) = (world.now, Vec::new());
    let node = world.node(1);
    node.step(None, now);
    let mut bytes = inquiry.bytes().to_vec();
    assert!(node.endpoint.handle_datagram(&mut bytes, at(99), now, &mut replies).is_none());
    match node.endpoint.poll_request() {
        Some(Request::Status) => node.endpoint.answer_status(node.election.status(), WALL, &mut replies),
        Some(Request::Command(command)) => {
            let outcome = step(node, &command);
            node.endpoint.answer_command(outcome, &mut replies);
        }
        None => {}
    }
    let [Transmit { to, bytes }] = &mut replies[..] else { panic!("{replies:?}") };
    assert_eq!(*to, at(99));
    assert!(bytes.len() <= inquiry.bytes().len(), "{} for {}", bytes.len(), inquiry.bytes().len());
    inquiry.read_reply(bytes).unwrap()
}

fn step(node: &mut Node, command: &Command<Id>) -> Result<(), String> {
    let input = command.input(&node.election.status()).map_err(|error| error.to_string())?;
    let outputs = node.election.step(input);
    node.endpoint.observe(&NodeView::of(&node.election));
    match &outputs[..] {
        [Output::Rejected(reason)] => Err(reason.to_string()),
        _ => Ok(()),
    }
}

fn ticket(world: &mut World, seed: u64) -> Ticket {
    match ask(world, &status(seed, Inquiry::LENGTH)) {
        Reply::Report(_, ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn command(seed: u64, ticket: Ticket, command: &Command<Id>) -> Inquiry {
    Inquiry::command(GROUP, &keys(), ticket, command, &mut rng(seed)).unwrap()
}

fn add(id: Id) -> Command<Id> {
    let newcomer = Change::new(id, ChangeKind::Add);
    Command::Change(Change { addresses: vec![at(id)], ..newcomer })
}

#[test]
fn a_node_says_how_it_is_to_who_has_the_key() {
    let mut world = lone(Some(keys()));
    let Reply::Report(report, _) = ask(&mut world, &status(1, Inquiry::LENGTH)) else { panic!("no report") };
    assert_eq!((report.status.id, report.status.role), (1, RoleKind::Leader));
    assert_eq!((report.wall_clock, report.takes_commands), (WALL, true));
    assert_eq!(report.keys, keys().ids().collect::<Vec<_>>());
    let other_keys = Keyring::new([Key::new(&[9; 32])]).unwrap();
    let stranger = Inquiry::status(GROUP, &other_keys, Inquiry::LENGTH, &mut rng(2)).unwrap();
    assert!(handle(&mut world.node(1).endpoint, stranger.bytes(), at(99)).1.is_empty());
    assert!(world.node(1).endpoint.poll_request().is_none());
}

#[test]
fn ids_of_another_type_are_named_and_not_taken_for_others() {
    let mut world = lone(Some(keys()));
    let (inquiry, now) = (status(1, Inquiry::LENGTH), world.now);
    let question = Question::new(GROUP, at(1), Some(&keys()), &mut rng(2)).unwrap();
    let (node, mut replies) = (world.node(1), Vec::new());
    node.endpoint.handle_datagram(&mut inquiry.bytes().to_vec(), at(99), now, &mut replies);
    node.endpoint.answer_status(node.election.status(), WALL, &mut replies);
    node.endpoint.handle_datagram(&mut question.bytes().to_vec(), at(99), now, &mut replies);
    let [report, answer] = [0, 1].map(|place: usize| replies[place].bytes.clone());
    // As `i32` the id of node 1 would be read as -1.
    let other = inquiry.read_reply::<i32>(&mut report.clone());
    assert_eq!(other, Some(Reply::Refused(Refused::OtherIds("u16".into()))));
    assert!(matches!(inquiry.read_reply::<Id>(&mut report.clone()), Some(Reply::Report(..))));
    assert_eq!(question.read_answer::<i32>(&mut answer.clone()), None);
    assert_eq!(question.read_answer::<Id>(&mut answer.clone()).unwrap().unwrap().id, 1);
}

#[test]
fn a_group_without_keys_answers_nobody() {
    let mut world = lone(None);
    let mut request = status(1, Inquiry::LENGTH).bytes().to_vec();
    let body = keys().open_broadcast(GROUP, &mut request).unwrap();
    // What the seal says is said in its place.
    let plain = [&b"qr"[..], &body[..2], &GROUP.0.to_be_bytes(), &body[2..]].concat();
    let (_, replies) = handle(&mut world.node(1).endpoint, &plain, at(99));
    assert!(world.node(1).endpoint.poll_request().is_none());
    let [Transmit { bytes, .. }] = &replies[..] else { panic!("{replies:?}") };
    assert!(bytes.len() < 40, "it says no more than that");
}

#[test]
fn a_short_request_is_told_how_long_its_reply_is_and_a_longer_one_gets_it() {
    let mut world = lone(Some(keys()));
    let Reply::Refused(Refused::TooShort(needed)) = ask(&mut world, &status(1, 64)) else {
        panic!("it fits")
    };
    assert!(matches!(ask(&mut world, &status(2, needed as usize)), Reply::Report(..)));
    assert_eq!(world.node(1).endpoint.counters().requests, 2);
}

#[test]
fn a_command_is_carried_out_once_however_often_it_arrives() {
    let mut world = lone(Some(keys()));
    let ticket_of_both = ticket(&mut world, 1);
    let first = command(2, ticket_of_both, &add(2));
    assert_eq!(ask(&mut world, &first), Reply::Accepted);
    let target = |world: &mut World| world.node(1).election.status().target;
    assert_eq!(target(&mut world).unwrap().voters(), [1, 2]);
    assert_eq!(world.node(1).endpoint.address(2), Some(at(2)), "where the newcomer is was learned");

    let before = target(&mut world);
    assert_eq!(ask(&mut world, &first), Reply::Accepted, "the reply was lost");
    let second = command(3, ticket_of_both, &add(3));
    assert_eq!(ask(&mut world, &second), Reply::Refused(Refused::Stale), "another operator came first");
    let third = ticket(&mut world, 4);
    let Reply::Refused(Refused::Rejected(reason)) = ask(&mut world, &command(5, third, &add(2))) else {
        panic!("it is a member already")
    };
    assert_eq!(reason, "node 2 is a member already");
    assert_eq!(ask(&mut world, &first), Reply::Accepted, "the reply was lost again");
    for seed in 10..26 {
        let ticket = ticket(&mut world, 100 + seed);
        assert!(matches!(
            ask(&mut world, &command(seed, ticket, &add(2))),
            Reply::Refused(Refused::Rejected(_))
        ));
    }
    assert_eq!(ask(&mut world, &first), Reply::Refused(Refused::Stale), "somebody has recorded it");
    assert_eq!(target(&mut world), before);
}

#[test]
fn of_two_operators_that_saw_the_same_members_the_second_is_refused_and_looks_again() {
    let mut world = lone(Some(keys()));
    let seen = |world: &mut World, seed| match ask(world, &status(seed, Inquiry::LENGTH)) {
        Reply::Report(report, ticket) => (report.status, ticket),
        other => panic!("{other:?}"),
    };
    let add = |id, status: &Status<Id>| Command::Change(Change::new(id, ChangeKind::Add).seen_in(status));
    let (members_of_both, _) = seen(&mut world, 1);
    let first = ticket(&mut world, 2);
    assert_eq!(ask(&mut world, &command(3, first, &add(2, &members_of_both))), Reply::Accepted);
    // The second takes a fresh ticket, and has not seen what the first has done.
    let second = ticket(&mut world, 4);
    let refused = ask(&mut world, &command(5, second, &add(3, &members_of_both)));
    let Reply::Refused(Refused::Rejected(reason)) = refused else { panic!("{refused:?}") };
    assert!(
        reason.starts_with("the group has moved on: its members are to be voters [1, 2] now"),
        "{reason}"
    );
    assert_eq!(world.node(1).election.status().target.unwrap().voters(), [1, 2]);

    let (members, fresh) = seen(&mut world, 6);
    assert_eq!(ask(&mut world, &command(7, fresh, &add(3, &members))), Reply::Accepted);
    assert_eq!(world.node(1).election.status().target.unwrap().voters(), [1, 2, 3]);
}

#[test]
fn a_report_tells_what_members_advertise() {
    let text = |text: &str| text.parse::<Advertised>().unwrap();
    let mut world = World::of((1..=3).map(|id| {
        let mut node = Node::new(id, &[1, 2, 3], Some(keys())).knowing(1);
        node.endpoint.advertise((id < 3).then(|| text(&format!("http://{id}/"))));
        node
    }));
    world.run_for(Duration::from_secs(3));
    for id in 1..=3 {
        let now = world.now;
        let (node, mut replies) = (world.node(id), Vec::new());
        let inquiry = status(id.into(), Inquiry::LENGTH);
        node.endpoint.handle_datagram(&mut inquiry.bytes().to_vec(), at(99), now, &mut replies);
        node.endpoint.answer_status(node.election.status(), WALL, &mut replies);
        let reply = inquiry.read_reply::<Id>(&mut replies.last().unwrap().bytes.clone());
        let Some(Reply::Report(report, _)) = reply else { panic!("{reply:?}") };
        assert_eq!(report.advertised, [(1, text("http://1/")), (2, text("http://2/"))], "node {id}");
        assert_eq!((report.advertised(2), report.advertised(3)), (Some(text("http://2/")), None));
    }
}

#[test]
fn a_ticket_is_good_for_a_minute_at_most_and_for_the_process_that_gave_it() {
    let mut world = lone(Some(keys()));
    let old = ticket(&mut world, 1);
    world.run_for(Duration::from_secs(60));
    assert_eq!(ask(&mut world, &command(2, old, &add(2))), Reply::Refused(Refused::Stale));
    let of_the_former = ticket(&mut world, 3);
    let now = world.now;
    world.node(1).restart(now);
    world.node(1).endpoint.take_commands(true);
    world.run_for(Duration::from_secs(2));
    assert_eq!(ask(&mut world, &command(4, of_the_former, &add(2))), Reply::Refused(Refused::Stale));
    let fresh = ticket(&mut world, 5);
    assert_eq!(ask(&mut world, &command(6, fresh, &add(2))), Reply::Accepted);
}

#[test]
fn a_node_takes_commands_only_if_told() {
    let mut world = lone(Some(keys()));
    let ticket = ticket(&mut world, 1);
    world.node(1).endpoint.take_commands(false);
    let resign = Command::Resign { successor: None, urgency: Urgency::WhenReady };
    assert_eq!(ask(&mut world, &command(2, ticket, &resign)), Reply::Refused(Refused::NoCommands));
    world.node(1).endpoint.take_commands(true);
    let Reply::Refused(Refused::Rejected(reason)) = ask(&mut world, &command(3, ticket, &resign)) else {
        panic!("nobody can take over")
    };
    assert!(!reason.is_empty());
}
