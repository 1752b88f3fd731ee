//! The command `plot`: drawings of what was measured.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use crate::cost_report::Cost;
use crate::failover_table::Failover;

/// Draws the files that other commands wrote. Without any, measures everything anew and draws that.
#[derive(Args)]
pub(crate) struct Plot {
    /// A file that `failover --csv` wrote. The cases of three nodes, 5 ms one way, are drawn.
    #[arg(long)]
    failover: Option<PathBuf>,
    /// A file that `cost --csv` wrote. Each metric makes a drawing.
    #[arg(long)]
    costs: Option<PathBuf>,
    /// The directory of the drawings.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/plots"))]
    into: PathBuf,
}

type Outcome = Result<(), Box<dyn Error>>;
/// The points of each curve, by its name.
type Curves = BTreeMap<String, Vec<(f64, f64)>>;

const TEXT: (&str, u32) = ("sans-serif", 14);
const SIZE: (u32, u32) = (880, 500);
/// The end of the time axis, in milliseconds. Few runs take longer.
const LONGEST: f64 = 700.0;

/// The libraries that are drawn, with their colours (the palette of Okabe and Ito). The curves of the others
/// nearly coincide with one of these.
const DRAWN: [(&str, RGBColor); 7] = [
    ("quorate", RGBColor(213, 94, 0)),
    ("quorate at omnipaxos' packets", RGBColor(230, 159, 0)),
    ("omnipaxos", RGBColor(0, 158, 115)),
    ("raft-rs, pre-vote + check-quorum, 10 ms ticks", RGBColor(0, 114, 178)),
    ("raft-rs, pre-vote + check-quorum, 1 ms ticks", RGBColor(86, 180, 233)),
    ("raft-rs, plain, 1 ms ticks", RGBColor(204, 121, 167)),
    ("almost-raft", RGBColor(110, 110, 110)),
];

impl Plot {
    pub(crate) fn run(&self) -> bool {
        if self.failover.is_some() || self.costs.is_some() {
            return self.draw();
        }
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (failover, costs) = (directory.path().join("failover.csv"), directory.path().join("costs.csv"));
        // The result says whether targets are met, which does not matter here.
        let _ = Failover::into_file(failover.clone()).run();
        let _ = Cost::into_file(costs.clone()).run();
        Plot { failover: Some(failover), costs: Some(costs), into: self.into.clone() }.draw()
    }

    fn draw(&self) -> bool {
        let draw = || {
            fs::create_dir_all(&self.into)?;
            if let Some(path) = &self.failover {
                for (loss, name, file) in [("0", "no loss", "no-loss"), ("5", "5 % loss", "loss")] {
                    let caption = format!("From crash to new leader: 3 nodes, 5 ms one way, {name}");
                    let path_to = self.into.join(format!("failover-{file}.svg"));
                    draw_failover(&failover(path, loss)?, &caption, &path_to)?;
                }
            }
            if let Some(path) = &self.costs {
                for (metric, curves) in costs(path)? {
                    draw_costs(&curves, &metric, &self.into.join(format!("cost-{}.svg", slug(&metric))))?;
                }
            }
            Outcome::Ok(())
        };
        draw().inspect_err(|error| eprintln!("{error}")).is_ok()
    }
}

/// By library, the percentage of runs that have a leader, over time.
fn failover(path: &Path, loss: &str) -> Result<Curves, Box<dyn Error>> {
    let mut lengths: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for record in csv::Reader::from_path(path)?.records() {
        let record = record?;
        let [library, nodes, delay, at_loss, length] =
            std::array::from_fn(|field| record.get(field).unwrap_or(""));
        if (nodes, delay, at_loss) == ("3", "5", loss) {
            lengths.entry(library.to_owned()).or_default().push(length.parse()?);
        }
    }
    Ok(lengths.into_iter().map(|(library, lengths)| (library, distribution(lengths))).collect())
}

/// The distribution of `lengths`, reduced to about a hundred points to keep the file small.
fn distribution(mut lengths: Vec<f64>) -> Vec<(f64, f64)> {
    lengths.sort_by(f64::total_cmp);
    let last = lengths.len().saturating_sub(1);
    let step = |step: usize| {
        let rank = step * last / 100;
        Some((*lengths.get(rank)?, (rank + 1) as f64 * 100.0 / lengths.len() as f64))
    };
    let points: Vec<(f64, f64)> =
        (0..=100).filter_map(step).filter(|&(length, _)| length <= LONGEST).collect();
    let begin = points.first().map(|&(length, _)| (length, 0.0));
    begin.into_iter().chain(points).collect()
}

fn draw_failover(curves: &Curves, caption: &str, path: &Path) -> Outcome {
    let axes = (0.0..LONGEST, 0.0..100.0);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = builder(&area, caption).build_cartesian_2d(axes.0, axes.1)?;
    draw_mesh(&mut chart, "ms since the crash", "% of runs with a leader")?;
    let drawn =
        DRAWN.into_iter().filter_map(|(name, colour)| Some((name, colour, curves.get(name)?.clone())));
    draw_curves(&mut chart, drawn)?;
    area.present()?;
    Ok(())
}

/// By metric and library, the values over the number of members.
fn costs(path: &Path) -> Result<BTreeMap<String, Curves>, Box<dyn Error>> {
    let mut metrics: BTreeMap<String, Curves> = BTreeMap::new();
    for record in csv::Reader::from_path(path)?.records() {
        let record = record?;
        let [library, members, metric, value] = std::array::from_fn(|field| record.get(field).unwrap_or(""));
        let curves = metrics.entry(metric.to_owned()).or_default();
        curves.entry(library.to_owned()).or_default().push((members.parse()?, value.parse()?));
    }
    Ok(metrics)
}

fn draw_costs(curves: &Curves, metric: &str, path: &Path) -> Outcome {
    let points = || curves.values().flatten().copied();
    let most = |of: fn((f64, f64)) -> f64| points().map(of).fold(f64::MIN, f64::max);
    let members = points().map(|(members, _)| members).fold(f64::MAX, f64::min)..most(|(members, _)| members);
    // Zero has no logarithm, so it is drawn at the lower end of the axis.
    let least = points().map(|(_, value)| value).filter(|&value| value > 0.0).fold(1.0, f64::min) / 2.0;
    let values = (least..most(|(_, value)| value).max(1.0) * 2.0).log_scale();
    let name = metric.rsplit_once('_').map_or(metric.to_owned(), |(what, unit)| format!("{what}, {unit}"));
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = builder(&area, &name).build_cartesian_2d(members, values)?;
    draw_mesh(&mut chart, "members", &name)?;
    let raised = |points: &[(f64, f64)]| points.iter().map(|&(x, y)| (x, y.max(least))).collect();
    let drawn = curves.iter().enumerate();
    let drawn = drawn.map(|(at, (library, points))| (&**library, colour(library, at), raised(points)));
    draw_curves(&mut chart, drawn)?;
    area.present()?;
    Ok(())
}

/// The colour of a library in all drawings.
fn colour(library: &str, at: usize) -> RGBColor {
    let known = DRAWN.into_iter().find(|(name, _)| name.starts_with(library));
    known.or(DRAWN.into_iter().cycle().nth(at)).map_or(BLACK, |(_, colour)| colour)
}

/// An axis of numbers.
trait Axis: Ranged<ValueType = f64> + ValueFormatter<f64> {}

impl<T: Ranged<ValueType = f64> + ValueFormatter<f64>> Axis for T {}

type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn builder<'a, 'b>(area: &'a Area<'b>, caption: &str) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.caption(caption, ("sans-serif", 20)).margin(12).x_label_area_size(44).y_label_area_size(56);
    builder
}

fn draw_mesh<X, Y>(chart: &mut Chart<'_, '_, X, Y>, x: &str, y: &str) -> Outcome
where
    X: Axis,
    Y: Axis,
{
    // Only whole numbers are labelled: there are no three and a half members.
    let whole = |number: &f64| if number.fract() == 0.0 { number.to_string() } else { String::new() };
    let any = |number: &f64| number.to_string();
    let mut mesh = chart.configure_mesh();
    mesh.max_light_lines(0).x_label_formatter(&whole).y_label_formatter(&any).label_style(TEXT);
    mesh.x_desc(x).y_desc(y).draw()?;
    Ok(())
}

fn draw_curves<'a, 'b, X, Y>(
    chart: &mut Chart<'a, 'b, X, Y>,
    curves: impl Iterator<Item = (&'a str, RGBColor, Vec<(f64, f64)>)>,
) -> Outcome
where
    X: Axis,
    Y: Axis,
    'b: 'a,
{
    for (name, colour, points) in curves {
        let series = LineSeries::new(points, colour.stroke_width(2));
        let drawn = chart.draw_series(series)?.label(name);
        drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    let mut labels = chart.configure_series_labels();
    labels
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK.mix(0.3))
        .label_font(TEXT);
    labels.draw()?;
    Ok(())
}

fn slug(metric: &str) -> String {
    let mut words = metric.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let first = words.next().unwrap_or("unnamed").to_owned();
    words.fold(first, |slug, word| slug + "-" + word).to_lowercase()
}
