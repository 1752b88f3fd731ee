//! Machines that share a register, under faults in virtual time.

use quorate_sim::{RegisterProfile, RegisterScenario};

/// Runs some seeds of each profile. A violation panics with the command that shows it.
#[test]
fn machines_that_share_a_register_never_break_what_is_promised() {
    for profile in
        RegisterProfile::ALL.into_iter().chain(RegisterProfile::OTHERS).filter(RegisterProfile::is_safe)
    {
        let seeds = if profile.name.contains("hunt") { 400 } else { 60 };
        let mut led = 0;
        for seed in 1..=seeds {
            let scenario = RegisterScenario { seed, profile, seconds: 60 };
            let outcome = scenario.outcome(false);
            if let Some(violation) = outcome.violation {
                panic!("{profile}: {violation}\n{}", scenario.replay());
            }
            led += outcome.led / 1_000_000_000;
        }
        let share = led * 100 / (seeds * 60);
        assert!(
            share > if profile.name == "two registers" { 20 } else { 50 },
            "{profile}: led for {share} %"
        );
    }
}
