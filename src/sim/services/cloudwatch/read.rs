//! GetMetricStatistics and GetMetricData.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    contradictory, dimensions, invalid, missing, required,
    store::{Metric, Metrics, Sample},
    unit,
};
use crate::sim::{
    error::AwsError,
    services::page_token,
    wire::{
        input::{Input, Style},
        value::Value,
    },
};

const STATISTICS: &[&str] = &["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
/// Data points of one GetMetricStatistics answer.
const MOST_POINTS: i64 = 1440;
/// Data points of one GetMetricData page, unless asked for fewer.
const MOST_DATA_POINTS: i64 = 100_800;

/// All samples of one period.
#[derive(Debug, Default)]
struct Period<'a> {
    samples: Vec<&'a Sample>,
}

impl Period<'_> {
    fn statistic(&self, name: &str) -> Option<f64> {
        let count: f64 = self.samples.iter().map(|sample| sample.count).sum();
        let sum: f64 = self.samples.iter().map(|sample| sample.sum).sum();
        match name {
            "SampleCount" => Some(count),
            "Sum" => Some(sum),
            "Average" => Some(sum / count),
            "Minimum" => self.samples.iter().map(|sample| sample.minimum).reduce(f64::min),
            "Maximum" => self.samples.iter().map(|sample| sample.maximum).reduce(f64::max),
            percentile => self.percentile(rank(percentile)?),
        }
    }

    /// The nearest rank; none if a statistic set hides its measurements.
    fn percentile(&self, rank: f64) -> Option<f64> {
        if self.samples.iter().any(|sample| sample.values.is_empty()) {
            return None;
        }
        let mut values: Vec<(f64, f64)> =
            self.samples.iter().flat_map(|sample| sample.values.iter().copied()).collect();
        values.sort_by(|one, other| one.0.total_cmp(&other.0));
        let total: f64 = values.iter().map(|(_, count)| count).sum();
        let wanted = rank / 100.0 * total;
        let mut seen = 0.0;
        for (value, count) in &values {
            seen += count;
            if seen >= wanted {
                return Some(*value);
            }
        }
        values.last().map(|(value, _)| *value)
    }
}

/// The percentile of `p99.9`.
fn rank(name: &str) -> Option<f64> {
    let rank: f64 = name.strip_prefix('p')?.parse().ok()?;
    (0.0..=100.0).contains(&rank).then_some(rank)
}

fn is_statistic(name: &str) -> bool {
    STATISTICS.contains(&name) || rank(name).is_some()
}

/// Samples by the start of their period and by unit.
fn periods<'a>(
    samples: &'a [Sample],
    (start, end): (Timestamp, Timestamp),
    seconds: i64,
    unit: Option<&str>,
) -> BTreeMap<(i64, &'a str), Period<'a>> {
    let first = start.as_second().div_euclid(seconds) * seconds;
    let mut periods: BTreeMap<_, Period<'_>> = BTreeMap::new();
    for sample in samples {
        let at = sample.time.as_second().div_euclid(seconds) * seconds;
        if at >= first
            && Timestamp::from_second(at).is_ok_and(|at| at < end)
            && unit.is_none_or(|unit| unit == sample.unit)
        {
            periods.entry((at, sample.unit.as_str())).or_default().samples.push(sample);
        }
    }
    periods
}

fn check_period(path: &str, period: i64) -> Result<(), AwsError> {
    if period < 1 {
        return Err(invalid(format!("The parameter {path}Period must be greater than or equal to 1.")));
    }
    if matches!(period, 1 | 5 | 10 | 20 | 30) || period % 60 == 0 {
        return Ok(());
    }
    Err(invalid(format!(
        "The parameter {path}Period must be a value in the set [ 1, 5, 10, 20, 30 ] or any multiple of 60."
    )))
}

fn range(input: &Input<'_>) -> Result<(Timestamp, Timestamp), AwsError> {
    let (start, end) = (input.time("StartTime"), input.time("EndTime"));
    input.finish(Style::Query)?;
    let start = start.ok_or_else(|| missing("StartTime"))?;
    let end = end.ok_or_else(|| missing("EndTime"))?;
    if start >= end {
        return Err(invalid("The parameter StartTime must be less than the parameter EndTime.".into()));
    }
    Ok((start, end))
}

/// GetMetricStatistics.
pub(super) fn statistics(metrics: &Metrics, place: (&str, &str), input: &Input<'_>) -> Result<Value, AwsError> {
    let namespace = required(input, "", "Namespace", 255)?;
    let name = required(input, "", "MetricName", 255)?;
    let dimensions = dimensions(input, "")?;
    let range = range(input)?;
    let seconds = input.int("Period", i64::MIN..=i64::MAX);
    let statistics = input.texts("Statistics", 0..=5, 0..=usize::MAX);
    let extended = input.texts("ExtendedStatistics", 0..=10, 0..=usize::MAX);
    input.finish(Style::Query)?;
    let unit = unit(input, "")?;
    let seconds = seconds.ok_or_else(|| missing("Period"))?;
    check_period("", seconds)?;
    for (index, statistic) in statistics.iter().enumerate() {
        if !STATISTICS.contains(statistic) {
            return Err(invalid(format!(
                "The parameter Statistics.member.{} must be a value in the set [ {} ].",
                index + 1,
                STATISTICS.join(", ")
            )));
        }
    }
    for (index, statistic) in extended.iter().enumerate() {
        if rank(statistic).is_none() {
            return Err(invalid(format!(
                "The value {statistic} for parameter ExtendedStatistics.member.{} is invalid.",
                index + 1
            )));
        }
    }
    if !statistics.is_empty() && !extended.is_empty() {
        return Err(contradictory(
            "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both."
                .to_owned(),
        ));
    }
    if statistics.is_empty() && extended.is_empty() {
        return Err(AwsError::client(
            "MissingParameter",
            "At least one of the parameters Statistics and ExtendedStatistics must be specified.",
        ));
    }
    let points = (range.1.as_second() - range.0.as_second()).div_euclid(seconds);
    if points > MOST_POINTS {
        return Err(contradictory(format!(
            "You have requested up to {} datapoints, which exceeds the limit of 1,440. You may reduce the datapoints \
             requested by increasing Period, or decreasing the time range.",
            grouped(points)
        )));
    }
    let metric = Metric { namespace: namespace.into(), name: name.into(), dimensions };
    let mut datapoints = Vec::new();
    for ((at, unit), period) in periods(metrics.samples(place, &metric), range, seconds, unit) {
        let mut point = Value::structure([("Timestamp", Timestamp::from_second(at).ok().into())]);
        for statistic in STATISTICS.iter().filter(|statistic| statistics.contains(statistic)) {
            point.push(statistic, period.statistic(statistic));
        }
        point.push("Unit", unit);
        let percentiles: Vec<_> = extended
            .iter()
            .filter_map(|statistic| Some(((*statistic).to_owned(), Value::Float(period.statistic(statistic)?))))
            .collect();
        if !percentiles.is_empty() {
            point.push("ExtendedStatistics", Value::Map(percentiles));
        }
        if statistics.is_empty() && point.get("ExtendedStatistics").is_none() {
            continue;
        }
        datapoints.push(point);
    }
    Ok(Value::structure([("Label", name.into()), ("Datapoints", Value::List(datapoints))]))
}

/// `1,440`.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

struct Query {
    id: String,
    label: String,
    points: Vec<(i64, f64)>,
}

/// GetMetricData, for queries of metrics; metric math is refused.
pub(super) fn data(metrics: &Metrics, place: (&str, &str), input: &Input<'_>) -> Result<Value, AwsError> {
    if !input.require("MetricDataQueries") {
        input.finish(Style::Query)?;
    }
    let given = input.structs("MetricDataQueries", 0..=usize::MAX);
    let scan = input.enumeration("ScanBy", &["TimestampDescending", "TimestampAscending"]);
    let limit = input.int("MaxDatapoints", i64::MIN..=i64::MAX).unwrap_or(MOST_DATA_POINTS);
    let token = input.text("NextToken");
    let range = range(input)?;
    if !(1..=MOST_DATA_POINTS).contains(&limit) {
        return Err(validation(format!(
            "The value for parameter MaxDatapoints must be between 1 and {MOST_DATA_POINTS}."
        )));
    }
    if given.is_empty() || given.len() > 500 {
        return Err(validation("The collection MetricDataQueries must have a size between 1 and 500.".into()));
    }
    let mut queries: Vec<Query> = Vec::new();
    for (index, one) in given.iter().enumerate() {
        let path = format!("MetricDataQueries.member.{}.", index + 1);
        if let Some(query) = query(metrics, place, one, &path, range)? {
            if queries.iter().any(|other| other.id == query.id) {
                return Err(validation(format!(
                    "The values for parameter id in MetricDataQueries are not unique: {}.",
                    query.id
                )));
            }
            queries.push(query);
        }
    }
    let offset = match token {
        None => 0,
        Some(token) => page_token::decode(&["GetMetricData"], token)
            .and_then(|position| position.parse::<usize>().ok())
            .ok_or_else(|| AwsError::client("InvalidNextToken", "The next token specified is invalid."))?,
    };
    let (mut skip, mut room) = (offset, usize::try_from(limit).unwrap_or(1));
    let total: usize = queries.iter().map(|query| query.points.len()).sum();
    let mut results = Vec::new();
    for query in &mut queries {
        if scan != Some("TimestampAscending") {
            query.points.reverse();
        }
        let points: Vec<_> = query.points.iter().skip(skip).take(room).collect();
        let whole = skip + points.len() >= query.points.len();
        skip = skip.saturating_sub(query.points.len());
        room -= points.len();
        let times = points.iter().filter_map(|(at, _)| Timestamp::from_second(*at).ok());
        results.push(Value::structure([
            ("Id", query.id.as_str().into()),
            ("Label", query.label.as_str().into()),
            ("Timestamps", Value::list(times)),
            ("Values", Value::list(points.iter().map(|(_, value)| *value))),
            ("StatusCode", if whole { "Complete" } else { "PartialData" }.into()),
        ]));
    }
    let mut output =
        Value::structure([("MetricDataResults", Value::List(results)), ("Messages", Value::List(Vec::new()))]);
    let end = offset + usize::try_from(limit).unwrap_or(1);
    if end < total {
        output.push("NextToken", page_token::encode(&["GetMetricData"], &end.to_string()));
    }
    Ok(output)
}

fn query(
    metrics: &Metrics,
    place: (&str, &str),
    input: &Input<'_>,
    path: &str,
    range: (Timestamp, Timestamp),
) -> Result<Option<Query>, AwsError> {
    let id = required(input, path, "Id", 255)?;
    let mut letters = id.chars();
    let proper = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !proper {
        return Err(validation(format!(
            "The value {id} for parameter {path}Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
        )));
    }
    let returned = input.boolean("ReturnData").unwrap_or(true);
    let label = input.text("Label");
    if let Some(expression) = input.text("Expression") {
        return Err(validation(format!("Error in expression '{id}': Unsupported expression {expression}")));
    }
    let stat = input.structure("MetricStat").ok_or_else(|| {
        validation(format!("Either the parameter {path}MetricStat or {path}Expression must be specified."))
    })?;
    let path = format!("{path}MetricStat.");
    let metric = stat.structure("Metric").ok_or_else(|| missing(&format!("{path}Metric")))?;
    let metric_path = format!("{path}Metric.");
    let metric = Metric {
        namespace: required(&metric, &metric_path, "Namespace", 255)?.into(),
        name: required(&metric, &metric_path, "MetricName", 255)?.into(),
        dimensions: dimensions(&metric, &metric_path)?,
    };
    let statistic = required(&stat, &path, "Stat", 255)?;
    let seconds = stat.int("Period", i64::MIN..=i64::MAX);
    let unit = unit(&stat, &path)?;
    input.finish(Style::Query)?;
    let seconds = seconds.ok_or_else(|| missing(&format!("{path}Period")))?;
    check_period(&path, seconds)?;
    if !is_statistic(statistic) {
        return Err(validation(format!("The value {statistic} for parameter {path}Stat is not supported.")));
    }
    if !returned {
        return Ok(None);
    }
    let points = periods(metrics.samples(place, &metric), range, seconds, unit)
        .into_iter()
        .filter_map(|((at, _), period)| Some((at, period.statistic(statistic)?)))
        .collect();
    Ok(Some(Query { id: id.into(), label: label.unwrap_or(&metric.name).into(), points }))
}

fn validation(message: String) -> AwsError {
    AwsError::client("ValidationError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[(f64, f64)]) -> Sample {
        Sample {
            time: Timestamp::UNIX_EPOCH,
            unit: "None".into(),
            count: values.iter().map(|(_, count)| count).sum(),
            sum: values.iter().map(|(value, count)| value * count).sum(),
            minimum: 0.0,
            maximum: 0.0,
            values: values.to_vec(),
        }
    }

    #[test]
    fn percentiles_weigh_values_by_their_counts() {
        let one = sample(&[(1.0, 98.0), (7.0, 1.0), (9.0, 1.0)]);
        let period = Period { samples: vec![&one] };
        assert_eq!(period.statistic("p50"), Some(1.0));
        assert_eq!(period.statistic("p99"), Some(7.0));
        assert_eq!(period.statistic("p100"), Some(9.0));
        assert_eq!(period.statistic("SampleCount"), Some(100.0));
        assert_eq!(period.statistic("Average"), Some(1.14));
        assert_eq!(period.statistic("tm90"), None);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!((grouped(1), grouped(1440), grouped(1_234_567)), ("1".into(), "1,440".into(), "1,234,567".into()));
    }
}
