//! `ckptfs ls`: the tree as a mount would show it.

use std::os::unix::ffi::OsStrExt;

use serde_json::Value;
use serde_json::json;

use super::Outcome;
use super::args::LsArgs;
use super::glob;
use super::glob::Found;
use super::open;
use super::output::Output;
use crate::error::Result;
use crate::tree::Kind;
use crate::tree::NodeId;
use crate::tree::View;

/// Runs the command. An operand that fails is told, and the others are still listed.
pub(super) fn run(args: &LsArgs) -> Result<Outcome> {
    let view = open::view(&args.source)?;
    let mut lister = Lister {
        view: &*view,
        args,
        out: Output::stdout(),
        json: Vec::new(),
    };
    let mut outcome = Outcome::Fine;
    let root = [std::ffi::OsString::new()];
    let paths = if args.paths.is_empty() {
        &root[..]
    } else {
        &args.paths
    };
    for path in paths {
        let listed = glob::expand(&*view, path.as_bytes(), !args.long && !args.directory)
            .and_then(|found| lister.operands(&found));
        if let Err(e) = listed {
            if super::output::is_broken_pipe(&e) {
                return Err(e);
            }
            super::report(&e);
            outcome = Outcome::Failed(e.kind());
        }
    }
    if args.json {
        lister.out.json(&json!({"schema": 1, "entries": lister.json}))?;
    }
    lister.out.finish()?;
    Ok(outcome)
}

struct Lister<'a> {
    view: &'a dyn View,
    args: &'a LsArgs,
    out: Output,
    json: Vec<Value>,
}

impl Lister<'_> {
    fn operands(&mut self, found: &[Found]) -> Result<()> {
        let single = found.len() == 1 && self.args.paths.len() <= 1;
        for file in found {
            let is_dir = self.view.stat(file.node)?.kind == Kind::Directory;
            if !is_dir || self.args.directory {
                self.entry(file.node, &file.path)?;
                continue;
            }
            self.directory(file, single)?;
        }
        Ok(())
    }

    /// Lists a directory: names alone where it is the only one asked for, whole paths else.
    fn directory(&mut self, dir: &Found, names_only: bool) -> Result<()> {
        let mut children: Vec<(NodeId, Kind, Vec<u8>)> = Vec::new();
        self.view.list(dir.node, 0, &mut |entry| {
            children.push((entry.node, entry.kind, entry.name.to_vec()));
            true
        })?;
        for (node, kind, name) in children {
            let mut path = dir.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            let shown = if names_only && !self.args.recursive {
                &name
            } else {
                &path
            };
            self.entry(node, shown)?;
            if self.args.recursive && kind == Kind::Directory {
                self.directory(&Found { node, path }, false)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, node: NodeId, name: &[u8]) -> Result<()> {
        if !self.args.long && !self.args.json {
            self.out.bytes(name)?;
            if self.view.stat(node)?.kind == Kind::Directory {
                self.out.bytes(b"/")?;
            }
            return self.out.bytes(b"\n");
        }
        let stat = self.view.measure(node)?;
        let target = match stat.kind {
            Kind::Link => Some(String::from_utf8_lossy(&self.view.target(node)?).into_owned()),
            _ => None,
        };
        let size = stat.size.unwrap_or(0);
        if self.args.json {
            let kind = match stat.kind {
                Kind::Directory => "directory",
                Kind::File => "file",
                Kind::Link => "link",
            };
            let mut value = json!({"path": String::from_utf8_lossy(name), "kind": kind, "size": size});
            if let (Some(target), Value::Object(fields)) = (target, &mut value) {
                fields.insert("target".into(), target.into());
            }
            self.json.push(value);
            return Ok(());
        }
        let letter = match stat.kind {
            Kind::Directory => 'd',
            Kind::File => '-',
            Kind::Link => 'l',
        };
        let mode: String = (0..9u32)
            .rev()
            .map(|bit| match stat.perm.wrapping_shr(bit) & 1 {
                0 => '-',
                _ => "xwr".chars().nth((bit % 3) as usize).unwrap_or('-'),
            })
            .collect();
        self.out.bytes(format!("{letter}{mode} {size:>12} ").as_bytes())?;
        self.out.bytes(name)?;
        match target {
            Some(target) => self.out.line(&format!(" -> {target}")),
            None => self.out.line(""),
        }
    }
}
