//! What must hold of the tree whatever a guest does.

use std::sync::Arc;

use prefab_model::{Bytes, Limits};
use proptest::prelude::*;

use super::*;

const MOST: u64 = 1_000;

fn tree() -> Tree {
    let tree = Tree::new(Quota::new(&Limits { output: Bytes(MOST), artifacts: 20, ..Limits::default() }));
    tree.put("/src", "a/b.c", &Arc::from(&b"input"[..]));
    tree.writable_folder("out");
    tree
}

fn out(tree: &Tree) -> Arc<Folder> {
    match walk(tree.root(), "out").unwrap().node().unwrap() {
        Node::Folder(folder) => folder,
        Node::File(_) => panic!("it is a folder"),
    }
}

fn leads_to(tree: &Tree, path: &str) -> &'static str {
    match walk(tree.root(), path).and_then(|place| place.node()) {
        Ok(Node::File(_)) => "file",
        Ok(Node::Folder(_)) => "folder",
        Err(FileError::NotFound) => "nothing",
        Err(FileError::NotFolder) => "no folder",
        Err(FileError::NotPermitted) => "not permitted",
        Err(FileError::NameTooLong) => "too long",
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn paths_lead_within_the_tree_and_never_out_of_it() {
    let tree = tree();
    for (path, to) in [
        ("src/a/b.c", "file"),
        ("./src//a/./b.c", "file"),
        ("src/a/../a/b.c", "file"),
        ("src/a/..", "folder"),
        (".", "folder"),
        ("src/a/b.c/", "no folder"),
        ("src/a/b.c/x", "no folder"),
        ("src/x/../a", "nothing"),
        ("", "nothing"),
        ("..", "not permitted"),
        ("src/../../src", "not permitted"),
        ("/src", "not permitted"),
        (&"a/".repeat(3000), "too long"),
    ] {
        assert_eq!(leads_to(&tree, path), to, "{path}");
    }
}

#[test]
fn folders_that_the_host_made_count_for_nothing() {
    let tree = tree();
    tree.writable_folder("/out/a/b");
    for number in 0..20 {
        out(&tree).make_file(&number.to_string()).unwrap();
    }
    assert_eq!(leads_to(&tree, "out/a/b"), "folder");
    out(&tree).make_file("one more").unwrap_err();
}

#[test]
fn a_file_that_was_removed_counts_until_it_is_closed() {
    let tree = tree();
    let folder = out(&tree);
    let file = folder.make_file("x").unwrap();
    file.write(Some(10), b"xyz").unwrap();
    folder.remove_file("x").unwrap();
    assert_eq!(tree.quota().left(), MOST - 13);
    assert_eq!(file.read(9, 2), (vec![0, b'x'], false));
    drop(file);
    assert_eq!(tree.quota().left(), MOST);
}

#[test]
fn a_write_that_is_too_much_leaves_all_as_it_was() {
    let tree = tree();
    let file = out(&tree).make_file("x").unwrap();
    file.write(None, &[1; 600]).unwrap();
    for too_much in [
        file.write(Some(u64::MAX), b"x"),
        file.write(Some(1 << 40), b"x"),
        file.write(None, &[1; 401]),
        file.set_size(1 << 50),
    ] {
        assert!(matches!(too_much, Err(FileError::Stop(_) | FileError::Invalid)));
    }
    assert_eq!((file.size(), tree.quota().left()), (600, 400));
    file.write(None, &[1; 400]).unwrap();
}

#[derive(Debug, Clone)]
enum Act {
    File(String),
    Folder(String),
    Write(String, u64, usize),
    SetSize(String, u64),
    Remove(String),
    RemoveFolder(String),
    Rename(String, String),
}

fn act() -> impl Strategy<Value = Act> {
    let path = || "(out|src|\\.|\\.\\.)(/[ab]){0,3}/?";
    prop_oneof![
        path().prop_map(Act::File),
        path().prop_map(Act::Folder),
        (path(), 0..2_000_u64, 0..300_usize).prop_map(|(path, at, length)| Act::Write(path, at, length)),
        (path(), 0..2_000_u64).prop_map(|(path, size)| Act::SetSize(path, size)),
        path().prop_map(Act::Remove),
        path().prop_map(Act::RemoveFolder),
        (path(), path()).prop_map(|(from, to)| Act::Rename(from, to)),
    ]
}

fn perform(root: &Arc<Folder>, act: &Act) -> Result<()> {
    let file = |path: &str| match walk(root, path)?.node()? {
        Node::File(file) => Ok(file),
        Node::Folder(_) => Err(FileError::IsFolder),
    };
    let entry = |path: &str| {
        let place = walk(root, path)?;
        let (folder, name) = place.entry()?;
        Ok::<_, FileError>((Arc::clone(folder), name.to_owned()))
    };
    match act {
        Act::File(path) => entry(path).and_then(|(folder, name)| folder.make_file(&name).map(drop)),
        Act::Folder(path) => entry(path).and_then(|(folder, name)| folder.make_folder(&name).map(drop)),
        Act::Write(path, at, length) => file(path)?.write(Some(*at), &vec![7; *length]),
        Act::SetSize(path, size) => file(path)?.set_size(*size),
        Act::Remove(path) => entry(path).and_then(|(folder, name)| folder.remove_file(&name)),
        Act::RemoveFolder(path) => entry(path).and_then(|(folder, name)| folder.remove_folder(&name)),
        Act::Rename(from, to) => {
            let ((folder, name), (new_folder, new_name)) = (entry(from)?, entry(to)?);
            folder.rename(&name, &new_folder, &new_name)
        }
    }
}

/// Bytes and number of what lies in a folder, and how deep it goes.
fn totals(folder: &Folder, depth: usize) -> (u64, u64) {
    assert!(depth < 300, "a folder lies in itself");
    folder.list().into_iter().fold((0, 0), |(bytes, nodes), (_, node)| {
        let (more, below) = match &node {
            Node::Folder(folder) => totals(folder, depth + 1),
            Node::File(_) => (0, 0),
        };
        (bytes + node.size() + more, nodes + 1 + below)
    })
}

proptest! {
    #[test]
    fn the_quota_counts_what_is_there_and_inputs_stay_as_they_are(acts in prop::collection::vec(act(), 0..60)) {
        let tree = tree();
        for act in &acts {
            let _ = perform(tree.root(), act);
            let (bytes, nodes) = totals(&out(&tree), 0);
            prop_assert_eq!(tree.quota().left(), MOST - bytes);
            prop_assert!(nodes <= 20);
        }
        let file = walk(tree.root(), "src/a/b.c").unwrap().node().unwrap();
        prop_assert!(matches!(file, Node::File(file) if file.read(0, 9) == (b"input".to_vec(), true)));
        prop_assert_eq!(tree.root().list().len(), 2);
    }
}
