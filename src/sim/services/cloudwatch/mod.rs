//! CloudWatch metrics. Errors carry the query protocol's codes; the wire translates them for the other two protocols.

mod put;
mod read;
mod store;

pub use store::{Metric, Metrics};

use jiff::{SignedDuration, Timestamp};

use crate::sim::{
    error::AwsError,
    service::{Call, Outcome, Reply},
    services::{page_token, unknown_operation},
    wire::{
        input::{Input, Style},
        value::Value,
    },
    world::World,
};

/// Metrics of a ListMetrics page.
const PAGE: usize = 500;

const UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Answers one operation.
///
/// # Errors
/// The service's own.
pub fn handle(world: &mut World, operation: &str, call: &Call) -> Outcome {
    let input = Input::new(&call.input);
    let place = (call.caller.account.as_str(), call.region.as_str());
    let output = match operation {
        "PutMetricData" => {
            let samples = put::read(&input, call.now)?;
            world.metrics.store(place, samples);
            Value::Null
        }
        "ListMetrics" => list_metrics(&world.metrics, place, &input, call.now)?,
        "GetMetricStatistics" => read::statistics(&world.metrics, place, &input)?,
        "GetMetricData" => read::data(&world.metrics, place, &input)?,
        _ => return Err(unknown_operation()),
    };
    Ok(Reply::Output(output))
}

fn list_metrics(metrics: &Metrics, place: (&str, &str), input: &Input<'_>, now: Timestamp) -> Result<Value, AwsError> {
    let namespace = input.text_of("Namespace", 1..=255);
    let name = input.text_of("MetricName", 1..=255);
    let mut filters = Vec::new();
    for filter in input.structs("Dimensions", 0..=10) {
        filters.push((filter.required_text_of("Name", 1..=255), filter.text_of("Value", 1..=1024)));
    }
    let token = input.text("NextToken");
    let recent = input.enumeration("RecentlyActive", &["PT3H"]);
    let linked = input.boolean("IncludeLinkedAccounts").unwrap_or(false);
    input.text_of("OwningAccount", 1..=255);
    input.finish(Style::Query)?;
    let since = recent.and_then(|_| now.checked_sub(SignedDuration::from_hours(3)).ok());
    let found: Vec<&Metric> = metrics
        .of(place)
        .filter(|(metric, samples)| {
            namespace.is_none_or(|wanted| wanted == metric.namespace)
                && name.is_none_or(|wanted| wanted == metric.name)
                && filters.iter().all(|(name, value)| {
                    metric
                        .dimensions
                        .iter()
                        .any(|dimension| dimension.0 == *name && value.is_none_or(|value| value == dimension.1))
                })
                && since.is_none_or(|since| samples.iter().any(|sample| sample.time >= since))
        })
        .map(|(metric, _)| metric)
        .collect();
    let filtered = format!("{namespace:?} {name:?} {filters:?} {recent:?}");
    let question = ["ListMetrics", &filtered];
    let start = match token {
        None => 0,
        Some(token) => page_token::decode(&question, token)
            .and_then(|position| position.parse::<usize>().ok())
            .filter(|start| *start <= found.len())
            .ok_or_else(|| invalid(format!("The value {token} for parameter NextToken is invalid.")))?,
    };
    let page: Vec<&Metric> = found.iter().skip(start).take(PAGE).copied().collect();
    let mut output = Value::structure([("Metrics", Value::list(page.iter().map(|metric| metric.value())))]);
    if linked {
        output.push("OwningAccounts", Value::list(page.iter().map(|_| place.0)));
    }
    if start + PAGE < found.len() {
        output.push("NextToken", page_token::encode(&question, &(start + PAGE).to_string()));
    }
    Ok(output)
}

fn invalid(message: String) -> AwsError {
    AwsError::client("InvalidParameterValue", message)
}

fn missing(parameter: &str) -> AwsError {
    AwsError::client("MissingParameter", format!("The parameter {parameter} is required."))
}

fn contradictory(message: String) -> AwsError {
    AwsError::client("InvalidParameterCombination", message)
}

/// Text that must be there, within a length.
fn required<'a>(input: &Input<'a>, path: &str, name: &str, longest: usize) -> Result<&'a str, AwsError> {
    let text = input.text(name).ok_or_else(|| missing(&format!("{path}{name}")))?;
    if text.is_empty() || text.chars().count() > longest {
        return Err(invalid(format!(
            "The parameter {path}{name} must be shorter than {} characters and not empty.",
            longest + 1
        )));
    }
    Ok(text)
}

/// `Dimensions` of a datum or a query, in the order of their names.
fn dimensions(input: &Input<'_>, path: &str) -> Result<Vec<(String, String)>, AwsError> {
    let given = input.structs("Dimensions", 0..=usize::MAX);
    if given.len() > 30 {
        return Err(invalid(format!("The collection {path}Dimensions must not have a size greater than 30.")));
    }
    let mut dimensions = Vec::with_capacity(given.len());
    for (index, dimension) in given.iter().enumerate() {
        let path = format!("{path}Dimensions.member.{}.", index + 1);
        let name = required(dimension, &path, "Name", 255)?;
        let value = required(dimension, &path, "Value", 1024)?;
        if name.starts_with(':') {
            return Err(invalid(format!("The value {name} for parameter {path}Name is invalid.")));
        }
        for (part, text) in [("Name", name), ("Value", value)] {
            if text.trim().is_empty() || !text.chars().all(|letter| (' '..='~').contains(&letter)) {
                return Err(invalid(format!(
                    "The parameter {path}{part} must contain only ASCII characters and at least one non-whitespace character."
                )));
            }
        }
        if dimensions.iter().any(|(other, _)| other == name) {
            return Err(invalid(format!(
                "The value {name} for parameter {path}Name is invalid: no two dimensions of a metric have the same name."
            )));
        }
        dimensions.push((name.to_owned(), value.to_owned()));
    }
    dimensions.sort();
    Ok(dimensions)
}

/// `Unit`, if it is one.
fn unit<'a>(input: &Input<'a>, path: &str) -> Result<Option<&'a str>, AwsError> {
    match input.text("Unit") {
        Some(unit) if !UNITS.contains(&unit) => {
            Err(invalid(format!("The parameter {path}Unit must be a value in the set [ {} ].", UNITS.join(", "))))
        }
        unit => Ok(unit),
    }
}
