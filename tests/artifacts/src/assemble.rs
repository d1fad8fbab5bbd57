//! Puts a release together: the manifest with its digests, and the components beside it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, Result};
use camino::Utf8Path;
use toml_edit::{DocumentMut, Item, value};

use crate::Places;
use crate::recipe::Release;

/// Writes a release into a folder. Files that are as they should be are not touched, so a reader never finds a gap.
pub(crate) fn release(release: &Release, places: &Places, folder: &Utf8Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("{folder} could not be made"))?;
    let template = places.root.join("plugins/releases").join(release.version).join("release.toml");
    let text = fs::read_to_string(&template).with_context(|| format!("{template} could not be read"))?;
    let mut manifest: DocumentMut = text.parse().with_context(|| format!("{template} is not TOML"))?;
    let built = places.compilers().join("wasm32-wasip2/compiler");
    for component in &release.components {
        let path = built.join(format!("{}.wasm", component.library));
        let bytes = fs::read(&path).with_context(|| format!("{path} could not be read"))?;
        let digest = format!("blake3:{}", blake3::hash(&bytes).to_hex());
        set_digest(&mut manifest, component.file, &digest)
            .with_context(|| format!("{template} has no compiler with the component `{}`", component.file))?;
        write(&folder.join(component.file), &bytes)?;
    }
    write(&folder.join("release.toml"), manifest.to_string().as_bytes())
}

/// Sets the digest of the compiler whose component has the given file name.
fn set_digest(manifest: &mut DocumentMut, file: &str, digest: &str) -> Option<()> {
    let compilers = manifest.get_mut("compiler").and_then(Item::as_array_of_tables_mut)?;
    let compiler =
        compilers.iter_mut().find(|each| each.get("component").and_then(Item::as_str) == Some(file))?;
    compiler.insert("digest", value(digest));
    Some(())
}

/// Writes a file so that a reader finds the old one or the new one and nothing else.
fn write(path: &Utf8Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = path.parent().with_context(|| format!("{path} has no folder"))?;
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(|| format!("no file could be made in {folder}"))?;
    file.write_all(bytes).with_context(|| format!("{path} could not be written"))?;
    file.persist(path).with_context(|| format!("{path} could not be put in place"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_put_beside_the_component_that_it_is_of() {
        let mut manifest: DocumentMut =
            "[[compiler]]\ncomponent = \"a.wasm\"\n[[compiler]]\ncomponent = \"b.wasm\"\n".parse().unwrap();
        set_digest(&mut manifest, "b.wasm", "blake3:00").unwrap();
        assert_eq!(
            manifest.to_string(),
            "[[compiler]]\ncomponent = \"a.wasm\"\n[[compiler]]\ncomponent = \"b.wasm\"\ndigest = \"blake3:00\"\n"
        );
        assert!(set_digest(&mut manifest, "c.wasm", "").is_none());
    }

    #[test]
    fn a_file_that_is_as_it_should_be_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap().join("x");
        write(&path, b"1").unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        write(&path, b"1").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
        write(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
    }
}
