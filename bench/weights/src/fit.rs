//! A line through measurements.

/// `base + slope × x`, in whole units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// At 0.
    pub base: u64,
    /// For each step of x.
    pub slope: u64,
}

impl Line {
    /// The line above all points `(x, y)`: with the slope of least squares, or none where that falls, raised until no point lies
    /// above it. A weight that is too low lets blocks take too long; one that is a little too high costs a little.
    pub fn above(points: &[(u32, f64)]) -> Self {
        let slope = round_up(least_squares(points).max(0.0));
        let rest = |&(x, y): &(u32, f64)| y - slope as f64 * f64::from(x);
        let base = points.iter().map(rest).fold(0.0, f64::max);
        Self { base: round_up(base), slope }
    }
}

/// The slope with the least sum of squares; 0 where all points have the same x.
fn least_squares(points: &[(u32, f64)]) -> f64 {
    let count = points.len() as f64;
    let x_mean = points.iter().map(|(x, _)| f64::from(*x)).sum::<f64>() / count;
    let y_mean = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let (mut both, mut square) = (0.0, 0.0);
    for (x, y) in points {
        let x = f64::from(*x) - x_mean;
        both += x * (y - y_mean);
        square += x * x;
    }
    if square > 0.0 { both / square } else { 0.0 }
}

/// The next whole number, where what is left of a division counts for nothing.
fn round_up(value: f64) -> u64 {
    (value - 1e-6).ceil().max(0.0) as u64
}

/// The middle one of some measurements.
pub fn median(mut values: Vec<u128>) -> f64 {
    values.sort_unstable();
    let middle = |at: usize| values.get(at).copied().unwrap_or_default() as f64;
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) { (middle(half.saturating_sub(1)) + middle(half)) / 2.0 } else { middle(half) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_points_give_their_line() {
        let points: Vec<_> = (0..20).map(|x| (x * 13, 7.0 + 3.0 * f64::from(x * 13))).collect();
        assert_eq!(Line::above(&points), Line { base: 7, slope: 3 });
        assert_eq!(Line::above(&[(0, 41.5)]), Line { base: 42, slope: 0 });
    }

    #[test]
    fn no_point_lies_above_the_line() {
        for points in [
            vec![(0, 10.0), (1, 50.0), (2, 20.0), (3, 35.0)],
            vec![(1, 100.0), (128, 90.0), (256, 400.0)],
            vec![(0, 100.0), (50, 60.0), (100, 10.0)],
        ] {
            let line = Line::above(&points);
            for (x, y) in &points {
                let at = line.base as f64 + line.slope as f64 * f64::from(*x);
                assert!(at >= *y, "{line:?} at {x} is below {y}");
            }
        }
    }

    #[test]
    fn what_falls_is_level() {
        assert_eq!(Line::above(&[(0, 100.0), (50, 60.0), (100, 10.0)]), Line { base: 100, slope: 0 });
    }

    #[test]
    fn the_median_does_not_care_for_outliers() {
        assert_eq!(median(vec![5, 1_000_000, 4]), 5.0);
        assert_eq!(median(vec![4, 1_000_000, 6, 3]), 5.0);
        assert_eq!(median(vec![]), 0.0);
    }
}
