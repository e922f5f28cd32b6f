//! placeholder
pub(super) fn number(text: &str) -> Option<i64> {
    let mut n = 0i64;
    let mut c = 0;
    for p in text.split('.') {
        n = n.checked_mul(100_000)?.checked_add(p.parse::<i64>().ok().filter(|p| *p < 100_000)?)?;
        c += 1;
    }
    while c < 4 {
        n = n.checked_mul(100_000)?;
        c += 1;
    }
    Some(n)
}
