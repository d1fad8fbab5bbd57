//! Which modules need which: those that need a module, and a picture of all or of some, in layers.
//!
//! Dependencies are in the manifests, which are gone through by pages. Of a large environment a picture has the part that is asked for, or
//! that is worth looking at: modules that fail with those round them, or else those that most others need.

mod layers;

use std::collections::{HashMap, VecDeque};

use prefab_model::{ModuleName, ModuleState};
use prefab_store::{ResultFilter, StoreError};
use serde::Serialize;

use crate::browse::{ModuleLine, browse_these, standing};
use crate::environment::Environment;
use layers::layers;

/// So many modules are read at a time, and so many at most: what stays of each in memory is its name and some numbers.
const PAGE: u32 = 1000;
const MOST_READ: usize = 250_000;
/// So many modules that fail are begun with.
const SEEDS: usize = 40;

/// Which modules need a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dependents {
    /// The first of them, by name.
    pub modules: Vec<ModuleName>,
    /// How many there are.
    pub all: u64,
}

/// A picture of which modules need which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// The modules in it, by layer and then by name.
    pub nodes: Vec<Node>,
    /// How many modules the environment has.
    pub modules: u64,
}

/// A module in a picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// The module.
    pub module: ModuleName,
    /// How it stands.
    #[serde(flatten)]
    pub state: ModuleState,
    /// The modules in the picture that it needs, by their places in it.
    pub needs: Vec<usize>,
    /// How many modules that it needs are not in the picture.
    pub needs_besides: usize,
    /// How many modules that need it are not in the picture.
    pub needed_besides: usize,
    /// 0 for those that need nothing; each of the others comes behind all that it needs, unless they need each other.
    pub layer: usize,
}

/// The modules that need this one, and the first `most` of them by name.
pub fn dependents(env: &Environment, module: &ModuleName, most: usize) -> Result<Dependents, StoreError> {
    let mut found = Dependents { modules: Vec::new(), all: 0 };
    let mut after = None;
    loop {
        let page = env.store().modules_page(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.manifest.name.clone());
        for row in page {
            if row.manifest.dependencies.values().any(|needed| needed == module) {
                found.all += 1;
                if found.modules.len() < most {
                    found.modules.push(row.manifest.name);
                }
            }
        }
    }
}

/// A picture of at most `most` modules: round one, or of what is worth looking at.
pub fn graph(env: &Environment, around: Option<&ModuleName>, most: usize) -> Result<Graph, StoreError> {
    let links = Links::read(env)?;
    let seeds = match around.and_then(|name| links.places.get(name)) {
        Some(place) => vec![*place],
        None => links.failed(env)?,
    };
    let chosen = links.choose(&seeds, most);
    let names: Vec<ModuleName> = chosen.iter().map(|place| links.names[*place].clone()).collect();
    let states: HashMap<ModuleName, ModuleState> =
        browse_these(env, &names)?.into_iter().map(|ModuleLine { name, state, .. }| (name, state)).collect();
    Ok(Graph { nodes: links.drawn(&chosen, &states), modules: env.store().module_count()? })
}

/// Who needs whom, by places in a list of names.
struct Links {
    names: Vec<ModuleName>,
    places: HashMap<ModuleName, usize>,
    needs: Vec<Vec<usize>>,
    needed_by: Vec<Vec<usize>>,
}

impl Links {
    fn read(env: &Environment) -> Result<Self, StoreError> {
        let mut links = Vec::new();
        let mut after = None;
        while links.len() < MOST_READ {
            let page = env.store().modules_page(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.manifest.name.clone());
            links.extend(page.into_iter().map(|row| {
                let needs: Vec<ModuleName> = row.manifest.dependencies.into_values().collect();
                (row.manifest.name, needs)
            }));
        }
        Ok(Self::of(links))
    }

    fn of(links: Vec<(ModuleName, Vec<ModuleName>)>) -> Self {
        let places: HashMap<ModuleName, usize> =
            links.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
        let mut needed_by = vec![Vec::new(); links.len()];
        let (mut names, mut needs) = (Vec::new(), Vec::new());
        for (place, (name, needed)) in links.into_iter().enumerate() {
            let mut needed: Vec<usize> = needed.iter().filter_map(|name| places.get(name).copied()).collect();
            needed.sort_unstable();
            needed.dedup();
            for other in &needed {
                needed_by[*other].push(place);
            }
            names.push(name);
            needs.push(needed);
        }
        Self { names, places, needs, needed_by }
    }

    /// The first modules that fail.
    fn failed(&self, env: &Environment) -> Result<Vec<usize>, StoreError> {
        let mut failed = Vec::new();
        if let Some(preparation) = standing(env)?.preparation {
            env.store().for_each_result(preparation, ResultFilter::Failed, |result| {
                failed.extend(self.places.get(&result.module));
                if failed.len() < SEEDS {
                    std::ops::ControlFlow::Continue(())
                } else {
                    std::ops::ControlFlow::Break(())
                }
            })?;
        }
        Ok(failed)
    }

    /// Up to `most` modules: the seeds, those next to them, and so on; then those that most others need.
    fn choose(&self, seeds: &[usize], most: usize) -> Vec<usize> {
        let mut taken = vec![false; self.names.len()];
        let (mut chosen, mut next) = (Vec::new(), VecDeque::new());
        let mut take = |place: usize, next: &mut VecDeque<usize>| {
            if chosen.len() < most && !std::mem::replace(&mut taken[place], true) {
                chosen.push(place);
                next.push_back(place);
            }
        };
        for seed in seeds {
            take(*seed, &mut next);
        }
        while let Some(place) = next.pop_front() {
            // Those that wait for it first: it is why they are not prepared.
            for other in self.needed_by[place].iter().chain(&self.needs[place]) {
                take(*other, &mut next);
            }
        }
        let small = self.names.len() <= most;
        if seeds.is_empty() || small {
            let mut all: Vec<usize> = (0..self.names.len()).collect();
            all.sort_by_key(|place| (std::cmp::Reverse(self.needed_by[*place].len()), *place));
            for place in all {
                take(place, &mut next);
            }
        }
        chosen
    }

    fn drawn(&self, chosen: &[usize], states: &HashMap<ModuleName, ModuleState>) -> Vec<Node> {
        let within: HashMap<usize, usize> =
            chosen.iter().enumerate().map(|(number, place)| (*place, number)).collect();
        let inner = |places: &[usize]| -> Vec<usize> {
            places.iter().filter_map(|place| within.get(place).copied()).collect()
        };
        let needs: Vec<Vec<usize>> = chosen.iter().map(|place| inner(&self.needs[*place])).collect();
        let layers = layers(&needs);
        let mut order: Vec<usize> = (0..chosen.len()).collect();
        order.sort_by_key(|number| (layers[*number], &self.names[chosen[*number]]));
        let mut places = vec![0; order.len()];
        for (place, number) in order.iter().enumerate() {
            places[*number] = place;
        }
        order
            .iter()
            .map(|number| {
                let place = chosen[*number];
                let needed_here = inner(&self.needed_by[place]).len();
                Node {
                    module: self.names[place].clone(),
                    state: states.get(&self.names[place]).cloned().unwrap_or(ModuleState::Pending),
                    needs: needs[*number].iter().map(|other| places[*other]).collect(),
                    needs_besides: self.needs[place].len() - needs[*number].len(),
                    needed_besides: self.needed_by[place].len() - needed_here,
                    layer: layers[*number],
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(needs: &[(&str, &[&str])]) -> Links {
        let name = |text: &str| text.parse::<ModuleName>().unwrap();
        Links::of(
            needs
                .iter()
                .map(|(module, needs)| (name(module), needs.iter().map(|needed| name(needed)).collect()))
                .collect(),
        )
    }

    fn drawn(links: &Links, seeds: &[usize], most: usize) -> Vec<(String, usize, usize, usize)> {
        let nodes = links.drawn(&links.choose(seeds, most), &HashMap::new());
        nodes
            .into_iter()
            .map(|node| (node.module.to_string(), node.layer, node.needs_besides, node.needed_besides))
            .collect()
    }

    #[test]
    fn a_small_environment_is_drawn_whole_in_layers() {
        let links = links(&[("app", &["ui", "money"]), ("money", &[]), ("ui", &["money", "gone"])]);
        let all = [("money", 0, 0, 0), ("ui", 1, 0, 0), ("app", 2, 0, 0)]
            .map(|(name, layer, below, above)| (name.to_owned(), layer, below, above));
        assert_eq!(drawn(&links, &[], 10), all);
        assert_eq!(drawn(&links, &[1], 10), all);
    }

    #[test]
    fn of_a_large_one_what_is_nearest_is_drawn_and_the_rest_counted() {
        let links =
            links(&[("a", &["b"]), ("b", &["c"]), ("c", &["d"]), ("d", &[]), ("x", &[]), ("y", &["x"])]);
        let near = drawn(&links, &[links.places[&"c".parse().unwrap()]], 3);
        let expected = [("d", 0, 0, 0), ("c", 1, 0, 0), ("b", 2, 0, 1)]
            .map(|(name, layer, below, above)| (name.to_owned(), layer, below, above));
        assert_eq!(near, expected);
        assert_eq!(drawn(&links, &[], 2).len(), 2);
    }
}
