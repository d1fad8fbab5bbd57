//! The picture of a graph: layers from left to right, and in each an order in which few lines cross. Pure.

use maud::{Markup, html};
use prefab_model::ModuleName;
use prefab_prepare::Graph;

use super::links::Links;
use super::words::{short, state};

const WIDE: usize = 160;
const HIGH: usize = 30;
const BETWEEN_LAYERS: usize = 72;
const BETWEEN: usize = 12;
const MARGIN: usize = 8;
/// So many characters of a name find room.
const NAME: usize = 20;
/// How often the order is gone over, to and fro.
const SWEEPS: usize = 8;
/// So many stand in a column: a layer with more takes several.
const COLUMN: usize = 24;

/// Draws the graph; the module `around` which it is drawn stands out.
pub(super) fn draw(graph: &Graph, around: Option<&ModuleName>, links: &Links) -> Markup {
    let needs: Vec<&[usize]> = graph.nodes.iter().map(|node| node.needs.as_slice()).collect();
    let layers: Vec<usize> = graph.nodes.iter().map(|node| node.layer).collect();
    let columns = columns(&layers, &needs);
    let reached = reached(&layers, &needs);
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut places = vec![(0, 0); graph.nodes.len()];
    for (column, nodes) in columns.iter().enumerate() {
        // Short columns stand in the middle.
        let above = (tallest - nodes.len()) * (HIGH + BETWEEN) / 2;
        for (row, node) in nodes.iter().enumerate() {
            places[*node] =
                (MARGIN + column * (WIDE + BETWEEN_LAYERS), MARGIN + above + row * (HIGH + BETWEEN));
        }
    }
    let width = 2 * MARGIN + columns.len() * (WIDE + BETWEEN_LAYERS)
        - BETWEEN_LAYERS.min(columns.len() * BETWEEN_LAYERS);
    let height = 2 * MARGIN + tallest * (HIGH + BETWEEN) - BETWEEN.min(tallest * BETWEEN);
    let told = format!("{} modules and what they need. The table below says the same.", graph.nodes.len());
    html! {
        div.scroll.drawing tabindex="0" role="group" aria-label="Drawing of the dependencies" {
            svg.graph width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="group" aria-label=(told) {
                g.edges {
                    @for (node, needed) in needs.iter().enumerate() {
                        @for other in *needed {
                            @let implied = needed.iter().any(|between| between != other && reached[*between][*other]);
                            path.(state(&graph.nodes[*other].state).1) .implied[implied] d=(line(places[*other], places[node])) {}
                        }
                    }
                }
                @for (node, (x, y)) in graph.nodes.iter().zip(&places) {
                    @let (word, class) = state(&node.state);
                    a.node.(class) .chosen[around == Some(&node.module)] href=(links.module(&node.module)) tabindex="-1" {
                        title { (node.module) ": " (word) }
                        rect x=(x) y=(y) width=(WIDE) height=(HIGH) rx="5" {}
                        rect.edge x=(x) y=(y) width="4" height=(HIGH) rx="2" {}
                        text x=(x + 14) y=(y + 20) { (short(node.module.as_str(), NAME)) }
                    }
                }
            }
        }
    }
}

/// Which modules each needs, also by way of others: a line that says nothing more than two others together is drawn faintly. Those that
/// need each other in a circle are looked at as if they did not.
fn reached(layers: &[usize], needs: &[&[usize]]) -> Vec<Vec<bool>> {
    let mut order: Vec<usize> = (0..needs.len()).collect();
    order.sort_by_key(|node| layers[*node]);
    let mut reached = vec![vec![false; needs.len()]; needs.len()];
    for node in order {
        for other in needs[node].iter().filter(|other| layers[**other] < layers[node]) {
            let below = reached[*other].clone();
            reached[node][*other] = true;
            for (known, more) in reached[node].iter_mut().zip(below) {
                *known |= more;
            }
        }
    }
    reached
}

/// From the right side of what is needed to the left side of what needs it.
fn line((from_x, from_y): (usize, usize), (to_x, to_y): (usize, usize)) -> String {
    let (x, y) = (from_x + WIDE, from_y + HIGH / 2);
    let (end_x, end_y) = (to_x, to_y + HIGH / 2);
    let bend = BETWEEN_LAYERS / 2;
    format!("M{x} {y}C{} {y} {} {end_y} {end_x} {end_y}", x + bend, end_x.saturating_sub(bend))
}

/// The columns with their nodes from top to bottom: a layer each, or several.
fn columns(layers: &[usize], needs: &[&[usize]]) -> Vec<Vec<usize>> {
    let count = layers.iter().max().map_or(0, |last| last + 1);
    let mut ordered = vec![Vec::new(); count];
    for (node, layer) in layers.iter().enumerate() {
        ordered[*layer].push(node);
    }
    let mut needed_by = vec![Vec::new(); layers.len()];
    for (node, needed) in needs.iter().enumerate() {
        for other in *needed {
            needed_by[*other].push(node);
        }
    }
    let mut heights = vec![0.0; layers.len()];
    let spread = |nodes: &[usize], heights: &mut [f64]| {
        for (row, node) in nodes.iter().enumerate() {
            heights[*node] = (row as f64 + 0.5) / nodes.len() as f64;
        }
    };
    for nodes in &ordered {
        spread(nodes, &mut heights);
    }
    for sweep in 0..SWEEPS {
        let rightwards = sweep % 2 == 0;
        let order: Vec<usize> = if rightwards { (0..count).collect() } else { (0..count).rev().collect() };
        for layer in order {
            let mut wanted: Vec<(f64, usize)> = ordered[layer]
                .iter()
                .map(|node| {
                    let next = if rightwards { needs[*node] } else { needed_by[*node].as_slice() };
                    let sum: f64 = next.iter().map(|other| heights[*other]).sum();
                    (if next.is_empty() { heights[*node] } else { sum / next.len() as f64 }, *node)
                })
                .collect();
            wanted.sort_by(|a, b| a.0.total_cmp(&b.0));
            ordered[layer] = wanted.into_iter().map(|(_, node)| node).collect();
            spread(&ordered[layer], &mut heights);
        }
    }
    ordered.iter().flat_map(|nodes| nodes.chunks(COLUMN).map(<[usize]>::to_vec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_cross_where_they_need_not() {
        // c needs a, d needs b; e needs c, f needs d: given in the order that crosses.
        let needs: [&[usize]; 6] = [&[], &[], &[1], &[0], &[3], &[2]];
        let columns = columns(&[0, 0, 1, 1, 2, 2], &needs);
        assert_eq!(columns, [[0, 1], [3, 2], [4, 5]]);
    }

    #[test]
    fn every_module_is_drawn_once_also_in_a_tall_layer() {
        let needs = vec![&[][..]; 100];
        let columns = columns(&[0; 100], &needs);
        assert!(columns.iter().all(|column| column.len() <= COLUMN));
        let mut all: Vec<usize> = columns.concat();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_follows_from_others_is_known() {
        let needs: [&[usize]; 3] = [&[], &[0], &[0, 1]];
        let reached = reached(&[0, 1, 2], &needs);
        assert!(reached[2][0] && reached[1][0] && !reached[0][1]);
    }
}
