//! How results look to people and to other tools. Functions from data to text; printing is the commands' business.

pub(crate) mod causes;
pub(crate) mod comparison;
pub(crate) mod conformance;
pub(crate) mod errors;
pub(crate) mod escape;
pub(crate) mod flame;
pub(crate) mod frame;
pub(crate) mod paint;
pub(crate) mod progress;
pub(crate) mod raise;
pub(crate) mod sarif;
pub(crate) mod summary;
pub(crate) mod table;
pub(crate) mod trouble;
