//! The command `cost`: what each library costs on the same work.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::{Args, ValueEnum};

use quorate_versus::cost::work::{repeated, timed_together};

mod build;
mod figure;
mod instructions;
pub(crate) mod library;
pub(crate) mod machine;
pub(crate) mod measure;
mod table;
mod verdict;

use figure::{Figures, Metric, Profile, Row, Sample};
use library::{Library, Subject};
use measure::{Measured, alternately};
use verdict::judge;

/// Members of the groups.
const SIZES: [usize; 5] = [3, 5, 7, 21, 101];
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// What each library costs on the same work, in both usual profiles. Fails if quorate misses a target.
#[derive(Args)]
pub(crate) struct Cost {
    /// Seconds for each row.
    #[arg(long, default_value_t = 1.5)]
    seconds: f64,
    /// Only the cost of building a program with each library.
    #[arg(long)]
    build: bool,
    /// Keeps the figures in `results`, and writes them into the pages.
    #[arg(long)]
    pub(crate) record: bool,
    /// Measures this program, as it is built, and prints the figures as a file. The command starts itself so,
    /// once in each profile.
    #[arg(long, value_enum)]
    figures: Option<Profile>,
    /// Only this subject, again and again, for a profiler. Needs `--library`.
    #[arg(long, value_enum, requires = "library")]
    only: Option<Subject>,
    /// The library for `--only`.
    #[arg(long, value_enum, requires = "only")]
    library: Option<Library>,
    /// Members of the groups, for `--only`.
    #[arg(long, default_value_t = 3)]
    members: usize,
    /// Groups, for `--only`.
    #[arg(long, default_value_t = 4)]
    groups: usize,
    /// How often `--only` repeats its work. It prints the number of repetitions.
    #[arg(long, default_value_t = 1_000)]
    rounds: usize,
}

impl Cost {
    pub(crate) fn run(&self) -> bool {
        match (self.only, self.library, self.figures) {
            (Some(subject), Some(library), _) => self.repeat(subject, library),
            (_, _, Some(profile)) => {
                print!("{}", self.measure(profile).to_csv());
                true
            }
            _ => self.report().inspect_err(|error| eprintln!("{error}")).unwrap_or(false),
        }
    }

    /// Repeats one subject of one library.
    fn repeat(&self, subject: Subject, library: Library) -> bool {
        let Some(mut work) = library.work(subject, self.members, self.groups) else {
            eprintln!("{} does no such thing", library.name());
            return false;
        };
        println!("{}", repeated(&mut *work, self.rounds));
        true
    }

    /// Measures what was asked for, prints it, and returns whether no target is missed.
    fn report(&self) -> Result<bool, Box<dyn Error>> {
        let (figures, name) =
            if self.build { (build::figures(), "program") } else { (self.measure_both_profiles()?, "cost") };
        println!("{}\n", figures.machine);
        for profile in Profile::value_variants() {
            println!("{profile:?}\n\n{}", table::full(&figures, *profile));
        }
        println!("{}", table::rule_of_noise());
        if self.record {
            std::fs::write(results(name), figures.to_csv())?;
        }
        let rows = Profile::value_variants().iter().flat_map(|&profile| figures.rows(profile));
        Ok(!rows.flat_map(|row| judge(row, &figures)).any(|judgement| judgement.is_missed()))
    }

    /// Starts this program again in each profile, one after the other.
    fn measure_both_profiles(&self) -> Result<Figures, Box<dyn Error>> {
        let mut both = Figures::default();
        let before = machine::load();
        for (profile, _) in table::PROFILES {
            let name =
                profile.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            let out = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
                .args(["run", "--quiet", "--profile", &name, "--manifest-path"])
                .args([&format!("{HERE}/Cargo.toml"), "--", "cost", "--figures", &name])
                .args(["--seconds", &self.seconds.to_string()])
                // An incremental build has more codegen units than the profile says, and cargo would take what
                // such a build has left in the usual directory for up to date.
                .env("CARGO_INCREMENTAL", "0")
                .env("CARGO_TARGET_DIR", format!("{HERE}/target/measured"))
                .stderr(Stdio::inherit())
                .output()?;
            if !out.status.success() {
                return Err(format!("cargo fails in the profile {name}").into());
            }
            both.all.extend(Figures::from_csv(&String::from_utf8(out.stdout)?)?.all);
        }
        let load = machine::load_between(before, machine::load());
        both.machine = format!("{}, {load}", machine::description());
        Ok(both)
    }

    /// Measures this program.
    fn measure(&self, profile: Profile) -> Figures {
        let mut figures = Figures { machine: machine::description(), all: Vec::new() };
        for subject in Subject::TIMED {
            for members in SIZES {
                eprintln!("{profile:?}: {}, {members} nodes", subject.name());
                let length = Duration::from_secs_f64(self.seconds);
                for measured in measure(subject, members, Library::value_variants(), length) {
                    add(
                        &mut figures,
                        Row { profile, subject, members, metric: Metric::Nanoseconds },
                        &measured,
                    );
                }
            }
        }
        let row = Row { profile, subject: Subject::Instance, members: 3, metric: Metric::Bytes };
        for &library in Library::value_variants() {
            figures.all.push(row.figure(library, Sample::exact(library.bytes(3).round())));
        }
        eprintln!("{profile:?}: instructions");
        for (subject, members, library, count) in instructions::count_all(&SIZES) {
            let row = Row { profile, subject, members, metric: Metric::Instructions };
            figures.all.push(row.figure(library, count));
        }
        figures
    }
}

/// The file that keeps the figures of a command.
pub(crate) fn results(name: &str) -> PathBuf {
    [HERE, "results", &format!("{name}.csv")].iter().collect()
}

/// Measures some libraries in turns.
pub(crate) fn measure(
    subject: Subject,
    members: usize,
    libraries: &[Library],
    length: Duration,
) -> Vec<Measured<Library>> {
    let groups = timed_together(members);
    let works =
        libraries.iter().filter_map(|&library| Some((library, library.work(subject, members, groups)?)));
    alternately(works.collect(), length)
}

/// Adds all that was measured and counted of one library.
fn add(figures: &mut Figures, row: Row, measured: &Measured<Library>) {
    let Measured { library, nanoseconds, tally } = measured;
    let mut push = |metric, sample| figures.all.push(Row { metric, ..row }.figure(*library, sample));
    push(Metric::Nanoseconds, *nanoseconds);
    if row.subject == Subject::Failover {
        push(Metric::Messages, Sample::exact(tally.messages as f64));
        tally.writes.into_iter().for_each(|writes| push(Metric::Writes, Sample::exact(writes)));
    }
    if row.subject != Subject::Answers {
        push(Metric::Allocations, Sample::exact(tally.allocations));
    }
}

/// The texts that pages show of the recorded figures, by their names.
pub(crate) fn texts() -> Result<Vec<(&'static str, String)>, Box<dyn Error>> {
    let (costs, programs) = (Figures::read(&results("cost"))?, Figures::read(&results("program"))?);
    let machine = format!("Measured on {}.\n", costs.machine);
    let no_count = if costs.rows(Profile::Release).iter().any(|row| row.metric == Metric::Instructions) {
        ""
    } else {
        "Instructions: not available, for want of valgrind.\n"
    };
    let noise = table::rule_of_noise();
    let full = |profile| format!("{machine}{no_count}\n{}", table::full(&costs, profile));
    Ok(vec![
        ("targets", format!("{}\n{machine}{noise}\n", table::targets(&costs))),
        ("missed", table::missed(&costs, &table::PROFILES)),
        ("cost-release", full(Profile::Release)),
        ("cost-thin-lto", full(Profile::ThinLto)),
        ("program", format!("Measured on {}.\n\n{}", programs.machine, table::programs(&programs))),
    ])
}
