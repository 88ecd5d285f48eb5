//! Compiles `proto/` in pure Rust, into descriptors for the text format and types for everything else.
//!
//! The two differ on purpose. The descriptors keep `string`, because text format escapes strings and
//! bytes differently. The types have bytes in its place, because prost fails a whole message over one
//! `string` that is not UTF-8, and what strangers write must not do that. prost has no maps keyed by
//! bytes, so maps keyed by strings become the repeated entries that they are on the wire; maps keyed by
//! integers become `BTreeMap`.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use prost_build::Module;
use protox::prost::Message;
use protox::prost_reflect::prost_types::DescriptorProto;
use protox::prost_reflect::prost_types::FileDescriptorProto;
use protox::prost_reflect::prost_types::FileDescriptorSet;
use protox::prost_reflect::prost_types::field_descriptor_proto::Type;
use protox::prost_reflect::prost_types::source_code_info::Location;

const PROTO: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PROTO}");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo did not set OUT_DIR")?);
    let files = proto_files(&Path::new(PROTO).join("tensorflow"))?;
    let set = protox::compile(files, [PROTO])?;
    fs::write(
        out.join("descriptors.bin"),
        descriptors(set.clone()).encode_to_vec(),
    )?;
    types(set, &out)
}

fn proto_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What the text format needs: everything but comments and positions.
fn descriptors(mut set: FileDescriptorSet) -> FileDescriptorSet {
    for file in &mut set.file {
        file.source_code_info = None;
        file.options = None;
    }
    set
}

fn types(mut set: FileDescriptorSet, out: &Path) -> Result<(), Box<dyn Error>> {
    let mut entries = String::new();
    for file in &mut set.file {
        let scope = module_path(file);
        let mut made = Vec::new();
        for (i, message) in (0..).zip(&mut file.message_type) {
            patch(message, &scope, &[4, i], &mut made, &mut entries)?;
        }
        if file.package().starts_with("google") {
            // Comments of others, which rustdoc would take for markup.
            file.source_code_info = None;
        }
        if let Some(info) = &mut file.source_code_info {
            info.location.extend(made);
        }
    }
    let mut config = prost_build::Config::new();
    config.btree_map(["."]).bytes(["."]).compile_well_known_types();
    let requests = set
        .file
        .into_iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file))
        .collect::<Vec<_>>();
    let modules = config.generate(requests)?;
    // One file that nests the modules as the packages nest.
    let mut text = String::new();
    let sorted = modules
        .iter()
        .map(|(module, code)| (module.parts().map(str::to_owned).collect::<Vec<_>>(), code))
        .collect::<BTreeMap<_, _>>();
    let mut open: Vec<String> = Vec::new();
    for (parts, code) in sorted {
        let common = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        for _ in common..open.len() {
            text.push_str("}\n");
        }
        open.truncate(common);
        for part in parts.iter().skip(common) {
            writeln!(
                text,
                "/// Messages of the package of this name.\npub mod {part} {{"
            )?;
            open.push(part.clone());
        }
        text.push_str(code);
    }
    for _ in open {
        text.push_str("}\n");
    }
    text.push_str(&entries);
    fs::write(out.join("types.rs"), text)?;
    Ok(())
}

/// `tensorflow::error`: where the types of a file go.
fn module_path(file: &FileDescriptorProto) -> String {
    file.package().replace('.', "::")
}

/// Strings become bytes; maps keyed by strings become repeated entries with a lookup.
///
/// `path` leads to the message in its file. prost-build wants a source location, if an empty one, of all
/// it generates, and the entries of maps stand nowhere in the source: `made` gets theirs.
fn patch(
    message: &mut DescriptorProto,
    scope: &str,
    path: &[i32],
    made: &mut Vec<Location>,
    entries: &mut String,
) -> Result<(), Box<dyn Error>> {
    let inner = format!("{scope}::{}", snake(message.name()));
    for (i, nested) in (0..).zip(&mut message.nested_type) {
        let path = [path, &[3, i]].concat();
        let keyed_by_string = nested
            .field
            .iter()
            .any(|f| f.name() == "key" && f.r#type() == Type::String);
        if nested.options.as_ref().is_some_and(|o| o.map_entry()) {
            if keyed_by_string {
                nested.options = None;
                lookup(nested, &inner, entries)?;
                made.push(location(path.clone()));
                made.extend(
                    (0..)
                        .zip(&nested.field)
                        .map(|(j, _)| location([&path[..], &[2, j]].concat())),
                );
            } else if nested.field.iter().any(|f| f.r#type() == Type::String) {
                return Err(format!("{inner}: a map from integers to strings needs a patch too").into());
            }
        }
        patch(nested, &inner, &path, made, entries)?;
    }
    for field in &mut message.field {
        if field.r#type() == Type::String {
            field.set_type(Type::Bytes);
        }
    }
    Ok(())
}

fn location(path: Vec<i32>) -> Location {
    Location {
        path,
        span: vec![0, 0, 0],
        ..Location::default()
    }
}

/// Implements `MapEntry` for the entries of a map.
fn lookup(entry: &DescriptorProto, scope: &str, entries: &mut String) -> Result<(), Box<dyn Error>> {
    let value = entry
        .field
        .iter()
        .find(|f| f.name() == "value")
        .ok_or("a map entry without a value")?;
    // Only proto2 has `Option` around the key.
    let proto2 = scope.ends_with("::graph_debug_info");
    let key = if proto2 {
        "self.key.as_deref().unwrap_or_default()"
    } else {
        "&self.key"
    };
    let get = if proto2 || value.r#type() == Type::Message {
        "self.value.as_ref()"
    } else {
        "Some(&self.value)"
    };
    let value = match value.r#type() {
        Type::String => "::bytes::Bytes".to_owned(),
        Type::Fixed64 => "u64".to_owned(),
        Type::Message => rust_path(value.type_name()),
        other => return Err(format!("{scope}: no maps to {other:?} so far").into()),
    };
    writeln!(
        entries,
        "impl MapEntry for {scope}::{} {{ type Value = {value}; \
         fn key(&self) -> &[u8] {{ {key} }} \
         fn value(&self) -> Option<&Self::Value> {{ {get} }} }}",
        entry.name(),
    )?;
    Ok(())
}

/// `.tensorflow.GraphDebugInfo.StackTrace` -> `tensorflow::graph_debug_info::StackTrace`.
fn rust_path(type_name: &str) -> String {
    let name = type_name.trim_start_matches('.');
    match name.rsplit_once('.') {
        Some((scope, last)) => {
            let scope = scope.split('.').map(snake).collect::<Vec<_>>();
            format!("{}::{last}", scope.join("::"))
        }
        None => name.to_owned(),
    }
}

/// `MetaInfoDef` -> `meta_info_def`, for the names that proto/ has.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
