//! Where things stand in the picture, so that few lines cross and all are short.

/// Heights from above, of each by its number.
#[derive(Debug, PartialEq)]
pub struct Arrangement {
    pub starts: Vec<f64>,
    pub ways: Vec<f64>,
    pub ends: Vec<f64>,
    pub height: f64,
}

/// Between the ways of one start and those of the next, as a share of a row.
const GAP: f64 = 0.3;
/// How often the order is improved; it hardly changes after a few times.
const ROUNDS: usize = 4;

/// Arranges ways between starts and ends, each `row` high. What nothing leads to or from stands at the foot.
pub fn arrange(starts: usize, ends: usize, ways: &[(usize, usize)], row: f64) -> Arrangement {
    let mut order: Vec<usize> = (0..ways.len()).collect();
    let mut start_place: Vec<f64> = numbers(starts);
    let mut end_place: Vec<f64> = numbers(ends);
    for _ in 0..ROUNDS {
        end_place = ranks(ends, |end| mean(ways.iter().filter(|way| way.1 == end).map(|way| start_place[way.0])));
        start_place = ranks(starts, |start| mean(ways.iter().filter(|way| way.0 == start).map(|way| end_place[way.1])));
    }
    order.sort_by(|a, b| {
        let key = |at: usize| (start_place[ways[at].0], end_place[ways[at].1]);
        key(*a).partial_cmp(&key(*b)).unwrap_or(std::cmp::Ordering::Equal)
    });

    let mut ways_y = vec![0.0; ways.len()];
    let mut at = 0.0;
    let mut before = None;
    for way in order {
        if before.is_some_and(|before| before != ways[way].0) {
            at += row * GAP;
        }
        before = Some(ways[way].0);
        ways_y[way] = at;
        at += row;
    }
    let starts_y = spread(starts, row, |start| mean(of(ways, &ways_y, |way| way.0 == start)));
    // Halfway between where its ways are and an even share of the height: near to them, and not all on one heap.
    let connected = (0..ends).filter(|end| ways.iter().any(|way| way.1 == *end)).count();
    let share = at / numbers(connected + 1)[connected].max(1.0);
    let ends_y = spread(ends, row, |end| {
        let near = mean(of(ways, &ways_y, |way| way.1 == end))?;
        Some(near.midpoint((end_place[end] + 0.5) * share - row / 2.0))
    });
    let lowest = starts_y.iter().chain(&ways_y).chain(&ends_y).fold(0.0, |lowest: f64, y| lowest.max(*y));
    Arrangement { starts: starts_y, ways: ways_y, ends: ends_y, height: lowest + row }
}

#[expect(clippy::cast_precision_loss, reason = "there are a few hundred at most")]
fn numbers(count: usize) -> Vec<f64> {
    (0..count).map(|at| at as f64).collect()
}

fn of<'a>(
    ways: &'a [(usize, usize)],
    heights: &'a [f64],
    is_meant: impl Fn(&(usize, usize)) -> bool + 'a,
) -> impl Iterator<Item = f64> + 'a {
    ways.iter().zip(heights).filter(move |(way, _)| is_meant(way)).map(|(_, height)| *height)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then_some(sum / count)
}

/// The places of things in the order of where they would like to be; those that do not mind come last.
fn ranks(count: usize, wish: impl Fn(usize) -> Option<f64>) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = (0..count).map(|at| (wish(at).unwrap_or(f64::MAX), at)).collect();
    order.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let mut places = vec![0.0; count];
    for (place, (_, at)) in numbers(count).into_iter().zip(order) {
        places[at] = place;
    }
    places
}

/// Heights near to where things would like to be, at least a row apart.
fn spread(count: usize, row: f64, wish: impl Fn(usize) -> Option<f64>) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = (0..count).map(|at| (wish(at).unwrap_or(f64::MAX), at)).collect();
    order.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    // Things that are too near to one another share a block, which stands where they would like to be on the whole.
    let mut blocks: Vec<(f64, Vec<usize>)> = Vec::new();
    for (wished, at) in order {
        let lowest = blocks.last().map_or(0.0, |(top, block)| top + row * numbers(block.len() + 1)[block.len()]);
        let mut top = if wished >= f64::MAX { lowest } else { wished.max(0.0) };
        let mut block = vec![at];
        while let Some((above, others)) = blocks.last() {
            let size = numbers(others.len() + 1)[others.len()];
            if above + row * size <= top {
                break;
            }
            let own = numbers(block.len() + 1)[block.len()];
            // The mean of where both would begin, each counted as often as it has members.
            top = ((above * size + (top - row * size) * own) / (size + own)).max(0.0);
            let (_, mut others) = blocks.pop().unwrap_or_default();
            others.extend(block);
            block = others;
        }
        blocks.push((top, block));
    }
    let mut heights = vec![0.0; count];
    for (top, block) in blocks {
        for (place, at) in numbers(block.len()).into_iter().zip(block) {
            heights[at] = top + row * place;
        }
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_apart(heights: &[f64], row: f64) {
        let mut sorted = heights.to_vec();
        sorted.sort_by(f64::total_cmp);
        for pair in sorted.windows(2) {
            assert!(pair[1] - pair[0] >= row - 0.01, "{sorted:?}");
        }
        assert!(sorted.first().is_none_or(|first| *first >= 0.0), "{sorted:?}");
    }

    #[test]
    fn one_way_is_a_straight_line() {
        assert_eq!(
            arrange(1, 1, &[(0, 0)], 50.0),
            Arrangement { starts: vec![0.0], ways: vec![0.0], ends: vec![0.0], height: 50.0 }
        );
    }

    #[test]
    fn a_start_stands_amid_its_ways() {
        let arranged = arrange(1, 3, &[(0, 0), (0, 1), (0, 2)], 50.0);
        assert_eq!(arranged.starts, [50.0]);
        assert_eq!(arranged.ends, arranged.ways);
    }

    #[test]
    fn lines_do_not_cross_without_need() {
        // The first start leads to the last end, and the last start to the first.
        let arranged = arrange(2, 2, &[(0, 1), (1, 0)], 50.0);
        let is_above = |heights: &[f64], a: usize, b: usize| heights[a] < heights[b];
        assert_eq!(is_above(&arranged.starts, 0, 1), is_above(&arranged.ends, 1, 0));
        assert_eq!(is_above(&arranged.ways, 0, 1), is_above(&arranged.starts, 0, 1));
    }

    #[test]
    fn nothing_lies_over_another() {
        let ways: Vec<_> = (0..60).map(|at| (at % 7, (at * 5) % 11)).collect();
        let arranged = arrange(9, 13, &ways, 36.0);
        for heights in [&arranged.starts, &arranged.ways, &arranged.ends] {
            assert_apart(heights, 36.0);
            assert!(heights.iter().all(|height| height + 36.0 <= arranged.height + 0.01));
        }
    }

    #[test]
    fn what_is_not_connected_stands_at_the_foot() {
        let arranged = arrange(2, 2, &[(1, 1)], 50.0);
        assert!(arranged.starts[0] > arranged.starts[1] && arranged.ends[0] > arranged.ends[1]);
        assert!((arrange(0, 0, &[], 50.0).height - 50.0).abs() < 0.01);
    }
}
