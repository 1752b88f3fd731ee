//! The command `plot`: drawings of what was measured.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use crate::growth::{Growth, Point, WORST};

/// Measures what the drawings show, keeps the figures in `results`, and draws them.
#[derive(Args)]
pub(crate) struct Plot {
    /// Measures nothing, and draws what was measured last.
    #[arg(long)]
    redraw: bool,
}

impl Plot {
    pub(crate) fn run(&self) -> bool {
        self.redraw || Growth::record().inspect_err(|error| eprintln!("{error}")).is_ok()
    }
}

/// One drawing, and the axes of it.
struct Drawing {
    /// The name of the file, and of the points.
    name: &'static str,
    caption: &'static str,
    x: &'static str,
    y: &'static str,
    scale: Scale,
}

enum Scale {
    /// The first value of the horizontal axis, and the last values of both.
    Linear(f64, f64, f64),
    /// Both axes grow by factors.
    Factors,
}

const DRAWINGS: [Drawing; 9] = [
    by_size("size-follower", "A follower answers a heartbeat", "ns"),
    by_size("size-broadcast", "A leader sends a round of heartbeats", "ns"),
    by_size("size-answers", "A leader reads all answers of a round", "ns"),
    by_size("size-failover", "CPU time of a failover, all nodes together", "µs"),
    Drawing {
        name: "groups",
        caption: "Groups of three at rest, one host: CPU time of each group",
        x: "groups in the process",
        y: "µs in a second",
        scale: Scale::Factors,
    },
    Drawing {
        name: "loss",
        caption: "From crash to new leader: 3 nodes, 5 ms one way (thin: 99 of 100)",
        x: "% of messages lost",
        y: "ms",
        scale: Scale::Linear(0.0, 20.0, 700.0),
    },
    Drawing {
        name: "delay",
        caption: "From crash to new leader: 3 nodes, no loss, promises of 300 ms (thin: 99 of 100)",
        x: "ms one way",
        y: "ms",
        scale: Scale::Linear(0.0, 35.0, 1_200.0),
    },
    distribution("failover-no-loss", "From crash to new leader: 3 nodes, 5 ms one way, no loss"),
    distribution("failover-loss", "From crash to new leader: 3 nodes, 5 ms one way, 5 % loss"),
];

const fn by_size(name: &'static str, caption: &'static str, y: &'static str) -> Drawing {
    Drawing { name, caption, x: "nodes", y, scale: Scale::Factors }
}

const fn distribution(name: &'static str, caption: &'static str) -> Drawing {
    let (x, y) = ("ms since the crash", "% of runs with a leader");
    Drawing { name, caption, x, y, scale: Scale::Linear(0.0, 700.0, 100.0) }
}

const TEXT: (&str, u32) = ("sans-serif", 14);
const SIZE: (u32, u32) = (880, 500);

/// The curves that are drawn, with their colours (the palette of Okabe and Ito). The distributions of other
/// libraries nearly coincide with one of these.
const COLOURS: [(&str, RGBColor); 14] = [
    ("quorate", RGBColor(213, 94, 0)),
    ("quorate at omnipaxos' packets", RGBColor(230, 159, 0)),
    ("omnipaxos", RGBColor(0, 158, 115)),
    ("raft-rs, pre-vote + check-quorum, 10 ms ticks", RGBColor(0, 114, 178)),
    ("raft-rs, pre-vote + check-quorum, 1 ms ticks", RGBColor(86, 180, 233)),
    ("raft-rs, plain, 1 ms ticks", RGBColor(204, 121, 167)),
    ("almost-raft", RGBColor(110, 110, 110)),
    ("raft-rs (checked)", RGBColor(0, 114, 178)),
    ("quorate, array of deadlines", RGBColor(213, 94, 0)),
    ("quorate, wheel of 1 ms", RGBColor(230, 159, 0)),
    ("quorate, heap of deadlines", RGBColor(204, 121, 167)),
    ("quorate, all ticked every 10 ms", RGBColor(110, 110, 110)),
    ("raft-rs (checked), all ticked every 10 ms", RGBColor(0, 114, 178)),
    ("omnipaxos, all ticked every 10 ms", RGBColor(0, 158, 115)),
];

/// All drawings, each with its file.
pub(crate) fn drawings(growth: &Growth) -> Result<Vec<(PathBuf, String)>, Box<dyn Error>> {
    let draw = |drawing: &Drawing| {
        let file = format!("{}.svg", drawing.name);
        let path = [env!("CARGO_MANIFEST_DIR"), "plots", &file].iter().collect();
        Ok((path, draw(drawing, growth)?))
    };
    DRAWINGS.iter().map(draw).collect()
}

/// A curve of a drawing.
struct Curve {
    name: &'static str,
    colour: RGBColor,
    points: Vec<(f64, f64)>,
    /// The 99th percentiles, where the points are means.
    worst: Vec<(f64, f64)>,
}

fn draw(drawing: &Drawing, growth: &Growth) -> Result<String, Box<dyn Error>> {
    let of_plot: Vec<&Point> = growth.points.iter().filter(|point| point.plot == drawing.name).collect();
    let of_curve = |name: &str| {
        of_plot.iter().filter(|point| point.curve == name).map(|point| (point.x, point.y)).collect()
    };
    let curves = COLOURS.map(|(name, colour)| {
        let worst = of_curve(&format!("{name}{WORST}"));
        Curve { name, colour, points: of_curve(name), worst }
    });
    let curves: Vec<Curve> = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut builder = ChartBuilder::on(&area);
        builder.caption(drawing.caption, ("sans-serif", 20)).margin(12);
        builder.x_label_area_size(44).y_label_area_size(56);
        let bound = |of: fn(&&Point) -> f64, best: fn(f64, f64) -> f64| {
            of_plot.iter().map(of).reduce(best).unwrap_or(1.0)
        };
        let x = bound(|point| point.x, f64::min)..bound(|point| point.x, f64::max);
        match drawing.scale {
            Scale::Linear(first, last, most) => {
                finish(builder.build_cartesian_2d(first..last, 0.0..most)?, drawing, curves)?;
            }
            Scale::Factors => {
                let y = bound(|point| point.y, f64::min) / 2.0..bound(|point| point.y, f64::max) * 2.0;
                finish(builder.build_cartesian_2d(x.log_scale(), y.log_scale())?, drawing, curves)?;
            }
        }
        area.present()?;
    }
    Ok(svg + "\n")
}

/// An axis of numbers.
trait Axis: Ranged<ValueType = f64> + ValueFormatter<f64> {}

impl<T: Ranged<ValueType = f64> + ValueFormatter<f64>> Axis for T {}

type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

/// Draws the axes, the curves and their names.
fn finish<'a, 'b: 'a, X: Axis, Y: Axis>(
    mut chart: Chart<'a, 'b, X, Y>,
    drawing: &Drawing,
    curves: Vec<Curve>,
) -> Result<(), Box<dyn Error>> {
    let plain = |number: &f64| number.to_string();
    let mut mesh = chart.configure_mesh();
    mesh.max_light_lines(0).x_label_formatter(&plain).y_label_formatter(&plain).label_style(TEXT);
    mesh.x_desc(drawing.x).y_desc(drawing.y).draw()?;
    for Curve { name, colour, points, worst } in curves {
        chart.draw_series(LineSeries::new(worst, colour.stroke_width(1)))?;
        let drawn = chart.draw_series(LineSeries::new(points, colour.stroke_width(2)))?.label(name);
        drawn.legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    let position = match drawing.scale {
        Scale::Linear(_, _, 100.0) => SeriesLabelPosition::LowerRight,
        _ => SeriesLabelPosition::UpperLeft,
    };
    let mut labels = chart.configure_series_labels();
    labels
        .position(position)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(TEXT)
        .draw()?;
    Ok(())
}
