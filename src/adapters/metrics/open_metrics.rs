//! The text of metrics, by the encoder of `prometheus-client`.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::prelude::rust_2024::*;
use std::{format, vec};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::Metrics;
use crate::adapters::counters::Histogram;
use crate::types::NodeId;

/// Labels of one sample, besides those that all samples have.
pub(super) type Labels = &'static [(&'static str, &'static str)];

/// One metric, with all its samples.
#[derive(Debug)]
pub(super) struct Family {
    /// Without the prefix and the unit.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) is_in_seconds: bool,
    pub(super) samples: Samples,
}

#[derive(Debug)]
pub(super) enum Samples {
    Gauge(Option<u64>),
    SecondsGauge(Option<f64>),
    Counter(u64),
    SecondsCounter(f64),
    Counters(Vec<(Labels, u64)>),
    Histogram(Histogram),
    Info(Labels),
}

#[derive(Debug)]
struct Families(Vec<Family>);

impl<I: NodeId> Metrics<I> {
    /// All metrics as OpenMetrics text, of the [content type](super::CONTENT_TYPE) that HTTP announces.
    #[must_use]
    pub fn to_open_metrics(&self) -> String {
        let mut text = String::new();
        let _a_string_takes_all = self.write_open_metrics(&mut text);
        text
    }

    /// The same, to where you like.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_open_metrics(&self, to: &mut impl Write) -> fmt::Result {
        let number = || format!("{}", self.status.cluster);
        let group = self.group_name.as_ref().map_or_else(number, |name| (**name).to_owned());
        let node = format!("{:?}", self.status.id);
        let labels = [("group", group), ("node", node)];
        let labels = labels.into_iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value)));
        let mut registry = Registry::with_prefix_and_labels("quorate", labels);
        registry.register_collector(Box::new(Families(self.families())));
        encode(to, &registry)
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let unit = self.is_in_seconds.then_some(Unit::Seconds);
        let encoder = encoder.encode_descriptor(self.name, self.help, unit.as_ref(), self.samples.kind())?;
        self.samples.encode(encoder)
    }
}

impl Samples {
    fn kind(&self) -> MetricType {
        match self {
            Samples::Gauge(_) | Samples::SecondsGauge(_) => MetricType::Gauge,
            Samples::Counter(_) | Samples::SecondsCounter(_) | Samples::Counters(_) => MetricType::Counter,
            Samples::Histogram(_) => MetricType::Histogram,
            Samples::Info(_) => MetricType::Info,
        }
    }

    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Samples::Gauge(Some(value)) => ConstGauge::new(*value).encode(encoder),
            Samples::SecondsGauge(Some(seconds)) => ConstGauge::new(*seconds).encode(encoder),
            Samples::Gauge(None) | Samples::SecondsGauge(None) => Ok(()),
            Samples::Counter(count) => ConstCounter::new(*count).encode(encoder),
            Samples::SecondsCounter(seconds) => ConstCounter::new(*seconds).encode(encoder),
            Samples::Counters(samples) => samples.iter().try_for_each(|(labels, count)| {
                ConstCounter::new(*count).encode(encoder.encode_family(labels)?)
            }),
            Samples::Histogram(histogram) => encode_histogram(histogram, &mut encoder),
            Samples::Info(labels) => encoder.encode_info(labels),
        }
    }
}

fn encode_histogram(histogram: &Histogram, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
    let mut buckets = vec![];
    let mut below = 0_u64;
    for (bound, up_to) in histogram.cumulative() {
        buckets.push((bound.as_secs_f64(), up_to.saturating_sub(below)));
        below = up_to;
    }
    buckets.push((f64::INFINITY, histogram.count.saturating_sub(below)));
    encoder.encode_histogram::<NoLabelSet>(histogram.total.as_secs_f64(), histogram.count, &buckets, None)
}
