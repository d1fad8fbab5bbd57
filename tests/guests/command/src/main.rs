//! A command-line compiler that knows nothing of prefab, for the tests: it does what its first argument says, to files that the others
//! name. Most of it is what a hostile one would try.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let Err(error) = act(&words) {
        eprintln!("{words:?}: {error}");
        process::exit(1);
    }
}

fn act(words: &[&str]) -> io::Result<()> {
    match words {
        // A compiler: it copies lines, and rejects those with `error`.
        ["compile", from, to] => compile(from, to),
        // What it sees, as a file.
        ["look", to] => fs::write(to, look()?),
        ["say", out, err] => {
            print!("{out}");
            eprint!("{err}");
            Ok(())
        }
        ["exit", status] => process::exit(status.parse().unwrap_or(99)),
        ["panic"] => panic!("as asked"),
        ["read", from] => {
            print!("{}", fs::read_to_string(from)?);
            Ok(())
        }

        // Too much, in one way or another. Each goes on for as long as it is let.
        ["one-file", to] => {
            let mut file = File::create(to)?;
            loop {
                file.write_all(&[7; 64 << 10])?;
            }
        }
        ["many-files", to] => {
            for number in 0..1_000_000 {
                File::create(format!("{to}/{number}"))?;
            }
            Ok(())
        }
        ["many-folders", to] => {
            for number in 0..1_000_000 {
                fs::create_dir(format!("{to}/{number}"))?;
            }
            Ok(())
        }
        ["deep", to] => {
            let mut path = (*to).to_owned();
            loop {
                path.push_str("/d");
                fs::create_dir(&path)?;
            }
        }
        ["seek", to] => {
            let mut file = File::create(to)?;
            file.seek(SeekFrom::Start(1 << 40))?;
            file.write_all(b"x")
        }
        ["set-size", to] => File::create(to)?.set_len(1 << 40),
        ["set-size-often", to] => {
            let file = File::create(to)?;
            loop {
                file.set_len(1 << 20)?;
                file.set_len(0)?;
            }
        }
        ["descriptors", from] => {
            let mut open = Vec::new();
            for _ in 0..100_000 {
                open.push(File::open(from)?);
            }
            Ok(())
        }
        ["chatter"] => loop {
            eprintln!("{}", "x".repeat(1000));
        },
        // Room that is given back can be used again.
        ["reuse", to] => {
            for _ in 0..100 {
                fs::write(to, vec![1; 64 << 10])?;
                fs::remove_file(to)?;
            }
            fs::write(to, "at last")
        }

        // What may only be read. It says which of it worked.
        ["spoil", input, folder, output] => {
            let tries: Vec<(&str, io::Result<()>)> = vec![
                ("write", fs::write(input, "spoiled")),
                ("append", OpenOptions::new().append(true).open(input).map(drop)),
                ("truncate", OpenOptions::new().write(true).truncate(true).open(input).map(drop)),
                ("remove", fs::remove_file(input)),
                ("rename away", fs::rename(input, format!("{output}/taken"))),
                ("rename over", {
                    fs::write(format!("{output}/mine"), "spoiled")?;
                    fs::rename(format!("{output}/mine"), input)
                }),
                ("hard link", fs::hard_link(input, format!("{output}/link"))),
                ("new beside", fs::write(format!("{folder}/new"), "x")),
                ("new folder", fs::create_dir(format!("{folder}/new"))),
                ("remove folder", fs::remove_dir_all(folder)),
                ("rename folder", fs::rename(folder, format!("{output}/folder"))),
                ("at the root", fs::write("/new", "x")),
                ("outside", File::open("/../etc/passwd").map(drop)),
                ("of the host", File::open("/etc/passwd").map(drop)),
            ];
            for (what, tried) in tries {
                if tried.is_ok() {
                    eprintln!("{what} worked");
                }
            }
            fs::remove_file(format!("{output}/mine"))?;
            fs::write(format!("{output}/after"), fs::read(input)?)
        }
        // Moving things about in its own folder.
        ["shuffle", to] => {
            fs::create_dir_all(format!("{to}/a/b"))?;
            fs::write(format!("{to}/a/b/c"), "c")?;
            fs::rename(format!("{to}/a/b/c"), format!("{to}/c"))?;
            fs::rename(format!("{to}/a/b"), format!("{to}/b"))?;
            fs::remove_dir(format!("{to}/a"))?;
            if fs::rename(format!("{to}/b"), format!("{to}/b/inside")).is_ok() {
                eprintln!("a folder was moved into itself");
            }
            fs::remove_dir(format!("{to}/b"))?;
            let mut file = OpenOptions::new().read(true).write(true).open(format!("{to}/c"))?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(b"d")?;
            file.seek(SeekFrom::Start(0))?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            fs::write(format!("{to}/text"), text)
        }
        ["bad-name", to] => fs::write(format!("{to}/con"), "x"),
        _ => Err(io::Error::other("it does not know what to do")),
    }
}

fn compile(from: &str, to: &str) -> io::Result<()> {
    let text = fs::read_to_string(from)?;
    let mut errors = 0;
    for (number, line) in text.lines().enumerate() {
        if let Some(column) = line.find("error") {
            eprintln!("{from}:{}:{}: error: there is an error [-Werror=found]", number + 1, column + 1);
            errors += 1;
        }
        if let Some(column) = line.find("odd") {
            eprintln!("{from}:{}:{}: warning: this is odd", number + 1, column + 1);
        }
    }
    if errors > 0 {
        process::exit(1);
    }
    if let Some((folder, _)) = to.rsplit_once('/') {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, text.to_uppercase())
}

/// Everything that could tell one run from another.
fn look() -> io::Result<String> {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("arguments {:?}", env::args().collect::<Vec<_>>()));
    line(format!("environment {:?}", env::vars().collect::<Vec<_>>()));
    line(format!("now {:?}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()));
    let began = Instant::now();
    line(format!("took {:?}", began.elapsed()));
    let order: HashMap<u32, ()> = (0..20).map(|key| (key, ())).collect();
    line(format!("order {:?}", order.keys().collect::<Vec<_>>()));
    let mut folders = vec!["/".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            let path = format!("{}/{}", folder.trim_end_matches('/'), entry.file_name().display());
            let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            line(format!("{path} {} {modified:?}", metadata.len()));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(text)
}
