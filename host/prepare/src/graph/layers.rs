//! Layers of a graph: what needs nothing is at the bottom, and everything lies above what it needs. Pure.

/// The layer of each node, given the nodes that each needs. Those that need each other in a circle share one.
pub(super) fn layers(needs: &[Vec<usize>]) -> Vec<usize> {
    let circles = circles(needs);
    let count = circles.iter().max().map_or(0, |last| last + 1);
    // A circle is numbered only after all that it needs: so one way through them in their order does.
    let mut members = vec![Vec::new(); count];
    for (node, circle) in circles.iter().enumerate() {
        members[*circle].push(node);
    }
    let mut of_circle = vec![0; count];
    for circle in 0..count {
        let below = members[circle]
            .iter()
            .flat_map(|node| &needs[*node])
            .filter(|other| circles[**other] != circle)
            .map(|other| of_circle[circles[*other]] + 1);
        of_circle[circle] = below.max().unwrap_or(0);
    }
    circles.into_iter().map(|circle| of_circle[circle]).collect()
}

/// The number of the circle that each node is in (Tarjan's strongly connected components), without recursion.
fn circles(needs: &[Vec<usize>]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let nodes = needs.len();
    let (mut seen, mut low, mut circle) = (vec![UNSEEN; nodes], vec![0; nodes], vec![UNSEEN; nodes]);
    let (mut next, mut circles, mut open) = (0, 0, Vec::new());
    for root in 0..nodes {
        if seen[root] != UNSEEN {
            continue;
        }
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.pop() {
            if edge == 0 {
                (seen[node], low[node]) = (next, next);
                next += 1;
                open.push(node);
            } else {
                // Back from the one that this edge leads to.
                low[node] = low[node].min(low[needs[node][edge - 1]]);
            }
            let mut edge = edge;
            let mut descended = false;
            while let Some(other) = needs[node].get(edge).copied() {
                edge += 1;
                if seen[other] == UNSEEN {
                    path.push((node, edge));
                    path.push((other, 0));
                    descended = true;
                    break;
                } else if circle[other] == UNSEEN {
                    low[node] = low[node].min(seen[other]);
                }
            }
            if !descended && low[node] == seen[node] {
                while let Some(member) = open.pop() {
                    circle[member] = circles;
                    if member == node {
                        break;
                    }
                }
                circles += 1;
            }
        }
    }
    circle
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_circle_is_one_layer() {
        assert_eq!(layers(&[vec![1], vec![2], vec![1, 3], vec![]]), [2, 1, 1, 0]);
        assert_eq!(layers(&[vec![0]]), [0]);
        assert_eq!(layers(&[]), [0; 0]);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let chain: Vec<Vec<usize>> =
            (0..100_000).map(|node| if node == 0 { vec![] } else { vec![node - 1] }).collect();
        assert_eq!(layers(&chain)[99_999], 99_999);
    }

    proptest! {
        #[test]
        fn everything_lies_above_what_it_needs_unless_they_need_each_other(
            needs in prop::collection::vec(prop::collection::vec(0..12_usize, 0..4), 12),
        ) {
            let (layers, circles) = (layers(&needs), circles(&needs));
            for (node, needed) in needs.iter().enumerate() {
                for other in needed {
                    prop_assert!(layers[node] > layers[*other] || circles[node] == circles[*other]);
                }
            }
        }
    }
}
