//! PutMetricData: what it takes and what it refuses.

use jiff::{SignedDuration, Timestamp};

use super::{
    contradictory, dimensions, invalid, missing, required,
    store::{Metric, Sample},
    unit,
};
use crate::sim::{
    error::AwsError,
    wire::input::{Input, Style},
};

const MOST_DATA: usize = 1000;
const MOST_VALUES: usize = 150;
/// 2 to the 360th: measurements are between its negative and itself.
const GREATEST: f64 = 2.348_542_582_773_833_3e108;

/// Reads and checks all data of a request.
pub(super) fn read(input: &Input<'_>, now: Timestamp) -> Result<Vec<(Metric, Sample)>, AwsError> {
    let namespace = required(input, "", "Namespace", 255)?;
    input.finish(Style::Query)?;
    if namespace.starts_with(':') || namespace.starts_with("AWS/") {
        return Err(invalid(format!("The value {namespace} for parameter Namespace is invalid.")));
    }
    let mut paths: Vec<(String, Input<'_>)> = numbered("MetricData", input);
    for (index, entity) in input.structs("EntityMetricData", 0..=usize::MAX).iter().enumerate() {
        let prefix = format!("EntityMetricData.member.{}.MetricData", index + 1);
        paths.extend(numbered(&prefix, entity));
    }
    input.finish(Style::Query)?;
    if paths.is_empty() {
        return Err(missing("MetricData"));
    }
    if paths.len() > MOST_DATA {
        return Err(invalid(format!("The collection MetricData must not have a size greater than {MOST_DATA}.")));
    }
    let mut samples = Vec::with_capacity(paths.len());
    for (path, datum) in &paths {
        let name = required(datum, path, "MetricName", 255)?;
        let metric = Metric { namespace: namespace.into(), name: name.into(), dimensions: dimensions(datum, path)? };
        samples.push((metric, sample(datum, path, now)?));
        datum.finish(Style::Query)?;
    }
    Ok(samples)
}

fn numbered<'a>(prefix: &str, input: &Input<'a>) -> Vec<(String, Input<'a>)> {
    let data = input.structs("MetricData", 0..=usize::MAX).into_iter().enumerate();
    data.map(|(index, datum)| (format!("{prefix}.member.{}.", index + 1), datum)).collect()
}

fn sample(datum: &Input<'_>, path: &str, now: Timestamp) -> Result<Sample, AwsError> {
    let time = datum.time("Timestamp");
    let unit = unit(datum, path)?.unwrap_or("None").to_owned();
    let resolution = datum.int("StorageResolution", i64::MIN..=i64::MAX);
    let single = datum.float("Value");
    let values = floats(datum, path, "Values")?;
    let counts = floats(datum, path, "Counts")?;
    let set = datum.structure("StatisticValues");
    datum.finish(Style::Query)?;
    if resolution.is_some_and(|resolution| resolution != 1 && resolution != 60) {
        return Err(invalid(format!("The parameter {path}StorageResolution must be a value in the set [ 1, 60 ].")));
    }
    let time = time.unwrap_or(now);
    check_time(time, path, now)?;
    let exclusive = |one: &str, other: &str| {
        contradictory(format!(
            "The parameters {path}{one} and {path}{other} are mutually exclusive and you have specified both."
        ))
    };
    match (single, set, values) {
        (Some(_), Some(_), _) => Err(exclusive("Value", "StatisticValues")),
        (Some(_), _, Some(_)) => Err(exclusive("Value", "Values")),
        (_, Some(_), Some(_)) => Err(exclusive("StatisticValues", "Values")),
        (None, None, None) => Err(AwsError::client(
            "MissingParameter",
            format!(
                "At least one of the parameters {path}Value, {path}Values or {path}StatisticValues must be specified."
            ),
        )),
        (Some(value), None, None) => {
            check(value, &format!("{path}Value"))?;
            Ok(of_values(time, unit, vec![(value, 1.0)]))
        }
        (None, None, Some(values)) => {
            let counts = counts.unwrap_or_else(|| vec![1.0; values.len()]);
            if values.is_empty() {
                return Err(missing(&format!("{path}Values")));
            }
            if values.len() > MOST_VALUES {
                return Err(invalid(format!(
                    "The collection {path}Values must not have a size greater than {MOST_VALUES}."
                )));
            }
            if values.len() != counts.len() {
                return Err(invalid(format!("The collections {path}Values and {path}Counts must have the same size.")));
            }
            Ok(of_values(time, unit, values.into_iter().zip(counts).collect()))
        }
        (None, Some(set), None) => of_set(time, unit, &set, &format!("{path}StatisticValues.")),
    }
}

fn of_values(time: Timestamp, unit: String, values: Vec<(f64, f64)>) -> Sample {
    Sample {
        time,
        unit,
        count: values.iter().map(|(_, count)| count).sum(),
        sum: values.iter().map(|(value, count)| value * count).sum(),
        minimum: values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min),
        maximum: values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max),
        values,
    }
}

fn of_set(time: Timestamp, unit: String, set: &Input<'_>, path: &str) -> Result<Sample, AwsError> {
    let part = |name: &str| {
        let value = set.float(name).ok_or_else(|| missing(&format!("{path}{name}")))?;
        check(value, &format!("{path}{name}"))?;
        Ok::<f64, AwsError>(value)
    };
    let (count, sum, minimum, maximum) = (part("SampleCount")?, part("Sum")?, part("Minimum")?, part("Maximum")?);
    if minimum > maximum {
        return Err(invalid(format!("The parameter {path}Maximum must be greater than {path}Minimum.")));
    }
    if count <= 0.0 {
        return Err(invalid(format!("The parameter {path}SampleCount must be greater than 0.")));
    }
    // Equal extremes give the measurements away, so that percentiles are known.
    #[expect(clippy::float_cmp, reason = "what the client sent twice is equal to the bit")]
    let values = if minimum == maximum { vec![(minimum, count)] } else { Vec::new() };
    Ok(Sample { time, unit, count, sum, minimum, maximum, values })
}

fn floats(datum: &Input<'_>, path: &str, name: &str) -> Result<Option<Vec<f64>>, AwsError> {
    if datum.raw(name).is_none() {
        return Ok(None);
    }
    let items = datum.items(name, 0..=usize::MAX);
    let numbers: Vec<f64> = items.iter().filter_map(|item| datum.float_value(item)).collect();
    datum.finish(Style::Query)?;
    for (index, number) in numbers.iter().enumerate() {
        check(*number, &format!("{path}{name}.member.{}", index + 1))?;
    }
    Ok(Some(numbers))
}

fn check(value: f64, path: &str) -> Result<(), AwsError> {
    if value.is_finite() && value.abs() <= GREATEST {
        return Ok(());
    }
    Err(invalid(format!("The value {value} for parameter {path} is invalid.")))
}

fn check_time(time: Timestamp, path: &str, now: Timestamp) -> Result<(), AwsError> {
    let age = now.duration_since(time);
    if age > SignedDuration::from_hours(14 * 24) {
        return Err(invalid(format!(
            "The parameter {path}Timestamp must specify a time no more than two weeks in the past."
        )));
    }
    if age < SignedDuration::from_hours(-2) {
        return Err(invalid(format!(
            "The parameter {path}Timestamp must specify a time no more than two hours in the future."
        )));
    }
    Ok(())
}
