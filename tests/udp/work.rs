//! Work on threads, for as long as their node leads.

use quorate::adapters::clock::BootClock;
use quorate::adapters::udp::HostStopped;

use super::*;

/// What began (`true`) and ended, on which node, in which term.
type Log = Arc<Mutex<Vec<(Id, Term, bool)>>>;

/// Hosts that do not lose a lease because the machine is slow.
fn patient_trio() -> Vec<Host<Id>> {
    let mut hosts: Vec<Host<Id>> = Vec::new();
    for id in 1..=3 {
        let mut config = config(id);
        config.config.timing.promise = Duration::from_secs(2);
        config.config.timing.promise_limit = Duration::from_secs(6);
        config.margin = Duration::from_millis(500);
        config.peers = (1..).zip(hosts.iter().map(|host| host.local_addr().into())).collect();
        hosts.push(host(config, first(1, &[1, 2, 3])));
    }
    hosts
}

/// Every node works while it may, and `longer`.
fn all_work(hosts: &[Host<Id>], longer: Duration) -> (Log, Vec<thread::JoinHandle<Result<(), HostStopped>>>) {
    let log = Log::default();
    let start = |(id, host): (Id, &Host<Id>)| {
        let (worker, log) = (host.worker(), Arc::clone(&log));
        thread::spawn(move || {
            worker.run_while_leader(|term, may_go_on| {
                log.lock().unwrap().push((id, term, true));
                while may_go_on() {
                    thread::sleep(Duration::from_millis(1));
                }
                thread::sleep(longer);
                log.lock().unwrap().push((id, term, false));
                None
            })
        })
    };
    let threads = (1..).zip(hosts).map(start).collect();
    (log, threads)
}

#[test]
fn work_on_a_thread_has_stopped_before_another_begins_and_begins_again_with_the_next_lease() {
    let hosts = patient_trio();
    let (log, threads) = all_work(&hosts, Duration::from_millis(20));
    let begun = || log.lock().unwrap().iter().filter(|entry| entry.2).count();
    for round in 1..=4 {
        wait("work", || (begun() >= round).then_some(()));
        wait("a resignation", || hosts.iter().find_map(|host| host.resign(None, Urgency::WhenReady).ok()));
        wait("an end", || (log.lock().unwrap().len() >= 2 * round).then_some(()));
    }
    wait("work", || (begun() >= 5).then_some(()));
    drop(hosts);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Err(HostStopped));
    }
    let log = log.lock().unwrap();
    for pair in log.windows(2) {
        assert!(pair[0].2 != pair[1].2 && pair[0].1 <= pair[1].1, "two at a time: {log:?}");
    }
}

#[test]
fn work_that_does_not_ask_does_not_hold_up_the_group_beyond_its_lease() {
    let hosts = trio();
    let (place, lease) = leader(&hosts);
    let (worker, done) = (hosts[place].worker(), Arc::new(AtomicBool::new(false)));
    let (stubborn, (told, begun)) = (Arc::clone(&done), channel());
    let thread = thread::spawn(move || {
        worker.run_while_leader(|term, may_go_on| {
            told.send(()).unwrap();
            while !stubborn.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(1));
            }
            Some((term, may_go_on()))
        })
    });
    begun.recv_timeout(PATIENCE).unwrap();
    wait("a resignation", || hosts[place].resign(None, Urgency::Now).ok());
    wait("another leader", || {
        let others = hosts.iter().filter(|host| host.local_addr() != hosts[place].local_addr());
        others.filter_map(|host| host.lease()).find(|it| it.term > lease.term)
    });
    done.store(true, Ordering::SeqCst);
    let (term, may_go_on) = thread.join().unwrap().unwrap();
    assert!(term >= lease.term && !may_go_on);
}

#[test]
fn a_long_piece_of_work_is_begun_only_while_its_lease_lasts_for_longer_than_the_piece() {
    let mut hosts = patient_trio();
    let notice = Duration::from_millis(300);
    let place = wait("a leader", || hosts.iter().position(|host| host.lease().is_some()));
    let leader = hosts.swap_remove(place);
    let (worker, clock) = (leader.worker(), BootClock::new());
    let mut followers = Some(hosts);
    let shortest = worker.run_while_leader_gracefully(notice, |_, may_begin| {
        // Nobody renews the lease any more.
        drop(followers.take());
        let mut shortest = Duration::MAX;
        loop {
            let before = clock.now();
            if !may_begin() {
                return Some(shortest);
            }
            let left = leader.lease().map(|lease| lease.until.saturating_duration_since(before));
            shortest = shortest.min(left.unwrap_or(Duration::ZERO));
            thread::sleep(Duration::from_millis(1));
        }
    });
    let (shortest, margin) = (shortest.unwrap(), Duration::from_millis(500));
    assert!(shortest > margin + notice, "{shortest:?}");
}

#[test]
fn what_comes_of_the_work_on_a_thread_is_given_back() {
    let host = host(config(1), first(1, &[1]));
    let term = host.run_while_leader(|term, may_go_on| may_go_on().then_some(term)).unwrap();
    assert_eq!(host.lease().map(|lease| lease.term), Some(term));
}

#[test]
fn while_a_write_hangs_work_on_a_thread_is_told_that_its_lease_is_over() {
    let disk = Arc::new(Mutex::new(()));
    let stuck = Arc::clone(&disk);
    let (host, _follower, late) = leader_with_store(move |_| {
        drop(stuck.lock());
        Ok::<_, Infallible>(())
    });
    let (worker, (told, hears)) = (host.worker(), channel());
    let hang = disk.lock().unwrap();
    let thread = thread::spawn(move || {
        worker.run_while_leader(|_, may_go_on| {
            while may_go_on() {
                thread::sleep(Duration::from_millis(1));
            }
            let _late = told.send(());
            Some(())
        })
    });
    let _late = late();
    hears.recv_timeout(PATIENCE).unwrap();
    drop(hang);
    thread.join().unwrap().unwrap();
}
