//! The bodies: one file each, with the inputs that it begins with.

mod bundles;
mod calls;
mod components;
mod manifests;
mod module;
mod releases;
mod shapes;
mod sources;
mod workers;

use crate::{Body, mutate};

/// All of them.
pub const BODIES: [Body; 8] = [
    Body { name: "manifest", seeds: manifests::seeds, mutate: mutate::text, take: manifests::take },
    Body { name: "bundle", seeds: bundles::seeds, mutate: mutate::bytes, take: bundles::take },
    Body { name: "component", seeds: components::seeds, mutate: components::mutate, take: components::take },
    Body { name: "shape", seeds: shapes::seeds, mutate: mutate::noise, take: shapes::take },
    Body { name: "calls", seeds: calls::seeds, mutate: mutate::noise, take: calls::take },
    Body { name: "worker", seeds: workers::seeds, mutate: mutate::bytes, take: workers::take },
    Body { name: "release", seeds: releases::seeds, mutate: releases::mutate, take: releases::take },
    Body { name: "source", seeds: sources::seeds, mutate: mutate::text, take: sources::take },
];
