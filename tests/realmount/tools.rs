//! The programs that people use on files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::SHARDED;
use crate::lab::ok;
use crate::lab::sh;
use crate::support;

tests![
    tar_and_cp_give_the_same_tree,
    du_counts_stored_bytes,
    find_by_size_and_type,
    whole_files_in_every_order,
    rsync_style_comparisons,
    extended_attributes,
    df_shows_the_source,
];

/// Path and bytes of each file, path and target of each link, below `dir`; links to outside by their target.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![dir.to_path_buf()];
    while let Some(path) = todo.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap();
            let bytes = if kind.is_dir() {
                todo.push(path.clone());
                b"directory".to_vec()
            } else if kind.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(dir).unwrap().to_path_buf(), bytes);
        }
    }
    found
}

fn tar_and_cp_give_the_same_tree() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let (copied, unpacked) = (lab.path("copied"), lab.path("unpacked"));
    fs::create_dir(&unpacked).unwrap();
    // On a mount that nobody has looked into: sizes must be right the first time.
    let script = "set -e; cd $1; parts='info.txt tensors.tsv meta tensors collections savers ops/dense by-type/MatMul'; \
                  tar -cf - $parts | tar -xf - -C $2; cp -r --parents $parts $3";
    fs::create_dir(&copied).unwrap();
    ok(sh(script, &point).arg(&unpacked).arg(&copied));
    let want = contents(&unpacked);
    assert!(want.len() > 500, "{}", want.len());
    assert!(contents(&copied) == want, "tar and cp -r differ");
    for (path, bytes) in want.iter().filter(|(_, bytes)| *bytes != b"directory") {
        let path = point.join(path);
        let here = fs::read_link(&path).map(|target| target.into_os_string().into_encoded_bytes());
        assert!(
            here.or_else(|_| fs::read(&path)).unwrap() == *bytes,
            "{}",
            path.display()
        );
    }
    // Directories come without write permission, which rm needs.
    ok(Command::new("chmod")
        .args(["-R", "u+w"])
        .arg(&unpacked)
        .arg(&copied));
}

fn du_counts_stored_bytes() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let blocks = |path: &str| -> u64 {
        let text = ok(Command::new("du").args(["-s", "-B1"]).arg(point.join(path)));
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    let apparent: u64 = ok(Command::new("du")
        .args(["-sb"])
        .arg(point.join("tensors/dense/kernel.npy")))
    .split_whitespace()
    .next()
    .unwrap()
    .parse()
    .unwrap();
    assert_eq!(apparent, 128 + 288 * 16 * 4);
    let kernel = blocks("tensors/dense/kernel.npy");
    assert!((288 * 16 * 4..288 * 16 * 4 + 1024).contains(&kernel), "{kernel}");
    let all = blocks("tensors");
    assert!((58_000..90_000).contains(&all), "{all}");
}

fn find_by_size_and_type() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    let found = |args: &[&str]| {
        ok(Command::new("find").arg(point.join("tensors")).args(args))
            .lines()
            .count()
    };
    assert_eq!(found(&["-name", "*.npy", "-type", "f"]), 29);
    assert_eq!(found(&["-size", "+16k"]), 3);
    assert_eq!(found(&["-empty"]), 0);
    assert_eq!(found(&["-perm", "/222"]), 0);
    let newest = ok(Command::new("find").arg(&point).args(["-newermt", "2100-01-01"]));
    assert_eq!(newest, "");
}

fn whole_files_in_every_order() {
    let texts = "info.txt tensors.tsv scalars.tsv meta/manifest.json";
    let orders = [
        "cat $f",
        "ls -l . >/dev/null; cat $f",
        "ls -lR . >/dev/null; cat $f",
        "stat $f >/dev/null; cat $f",
        "head -c 10 $f >/dev/null; cat $f",
        "tail -c 3 $f >/dev/null; cat $f",
        "wc -c <$f >/dev/null; cat $f",
        "find . -type f >/dev/null; cat $f",
        "dd if=$f bs=7 status=none",
    ];
    let mut results = Vec::new();
    for order in orders {
        // A mount of its own each: what comes first must not matter.
        let lab = Lab::new();
        let point = lab.mount_sample();
        let script = format!("cd $1; for f in {texts}; do {order}; done");
        results.push(ok(&mut sh(&script, &point)));
    }
    for (order, text) in orders.iter().zip(&results) {
        assert!(text.len() > 4000, "{order}: {}", text.len());
        assert_eq!(text, &results[0], "{order}");
    }
}

fn rsync_style_comparisons() {
    let lab = Lab::new();
    let point = lab.mount_sample();
    ok(&mut sh(
        "set -e; cp $1/tensors/dense/kernel.npy $1/../kernel.npy; \
         cmp $1/tensors/dense/kernel.npy $1/../kernel.npy; \
         diff -r $1/tensors $1/tensors; \
         test $(md5sum <$1/tensors/dense/kernel.npy | cut -c1-32) = $(md5sum <$1/../kernel.npy | cut -c1-32); \
         test -z \"$(find -L $1/source -type l)\"",
        &point,
    ));
}

fn extended_attributes() {
    let lab = Lab::new();
    let point = lab.mount(&support::data().join(SHARDED), "xattr");
    let npy = point.join("tensors/output/kernel.npy");
    let npy = npy.to_str().unwrap();
    let attributes = ok(Command::new("getfattr").args(["--absolute-names", "-d", "-m", "user.ckptfs", npy]));
    for name in ["dtype", "shape", "shard", "offset", "size", "crc32c", "name"] {
        let line = format!("user.ckptfs.{name}=");
        assert!(attributes.contains(&line), "{name}: {attributes}");
    }
    let one = ok(Command::new("getfattr").args([
        "--absolute-names",
        "--only-values",
        "-n",
        "user.ckptfs.dtype",
        npy,
    ]));
    assert_eq!(one, "float32");
    // ls asks each file for attributes that it does not have.
    ok(Command::new("ls").arg("-lR").arg(&point));
}

fn df_shows_the_source() {
    let lab = Lab::new();
    let source = support::data().join(crate::lab::SAMPLE);
    let point = lab.mount_sample();
    let text = ok(Command::new("df")
        .args(["--output=source,fstype,avail"])
        .arg(&point));
    let line = text.lines().nth(1).unwrap();
    assert!(line.starts_with(source.to_str().unwrap()), "{line}");
    assert!(line.contains("fuse.ckptfs"), "{line}");
    assert!(line.trim_end().ends_with(" 0"), "{line}");
}
