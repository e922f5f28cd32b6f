//! Metrics as a store.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::sim::wire::value::Value;

/// Samples of one metric that are kept; older ones are forgotten.
const KEPT: usize = 50_000;

/// What PutMetricData stored, by account and region.
#[derive(Debug, Default)]
pub struct Metrics {
    regions: BTreeMap<(String, String), BTreeMap<Metric, Vec<Sample>>>,
}

/// Identity of a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Names and values, sorted.
    pub dimensions: Vec<(String, String)>,
}

impl Metric {
    /// As the API shows it.
    pub(super) fn value(&self) -> Value {
        let dimensions = self
            .dimensions
            .iter()
            .map(|(name, value)| Value::structure([("Name", name.into()), ("Value", value.into())]));
        Value::structure([
            ("Namespace", self.namespace.as_str().into()),
            ("MetricName", self.name.as_str().into()),
            ("Dimensions", Value::list(dimensions)),
        ])
    }
}

/// One datum: a value, a statistic set, or values with counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its time.
    pub time: Timestamp,
    /// Its unit.
    pub unit: String,
    /// How many measurements.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub minimum: f64,
    /// The greatest.
    pub maximum: f64,
    /// The measurements with their counts; none for a statistic set that hides them.
    pub values: Vec<(f64, f64)>,
}

impl Metrics {
    /// Metrics of an account and region with their samples.
    pub(super) fn of<'a>(&'a self, place: (&str, &str)) -> impl Iterator<Item = (&'a Metric, &'a [Sample])> + use<'a> {
        let key = (place.0.to_owned(), place.1.to_owned());
        self.regions.get(&key).into_iter().flatten().map(|(metric, samples)| (metric, samples.as_slice()))
    }

    /// The sum of all samples of the metrics of that name, whatever their namespace and dimensions.
    pub fn sum(&self, account: &str, region: &str, name: &str) -> f64 {
        let of_name = self.of((account, region)).filter(|(metric, _)| metric.name == name);
        of_name.flat_map(|(_, samples)| samples).map(|sample| sample.sum).sum()
    }

    /// Samples of one metric.
    pub(super) fn samples(&self, place: (&str, &str), metric: &Metric) -> &[Sample] {
        let key = (place.0.to_owned(), place.1.to_owned());
        self.regions.get(&key).and_then(|metrics| metrics.get(metric)).map_or(&[], Vec::as_slice)
    }

    /// Adds samples.
    pub(super) fn store(&mut self, place: (&str, &str), samples: Vec<(Metric, Sample)>) {
        let metrics = self.regions.entry((place.0.to_owned(), place.1.to_owned())).or_default();
        for (metric, sample) in samples {
            let kept = metrics.entry(metric).or_default();
            kept.push(sample);
            if kept.len() > KEPT {
                kept.drain(..KEPT / 2);
            }
        }
    }
}
