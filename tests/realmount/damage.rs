//! Missing, short and changing files.

use std::fs;
use std::fs::File;
use std::path::Path;

use crate::harness::tests;
use crate::lab::Lab;
use crate::lab::SAMPLE;
use crate::lab::SHARDED;
use crate::lab::fails;
use crate::lab::finish;
use crate::lab::mount_line;
use crate::lab::ok;
use crate::lab::said;
use crate::lab::with_suffix;
use crate::support;

tests![
    a_missing_shard_fails_its_own_tensors_only,
    a_short_shard_fails_its_last_tensors_only,
    a_shard_cut_under_the_mount,
    a_shard_replaced_by_rename_stays_readable,
    a_damaged_index_does_not_mount,
    wrong_names_are_told,
];

/// The errno of reading each tensor, by the number of its shard.
fn errnos(point: &Path) -> Vec<(String, Option<i32>)> {
    let table = fs::read_to_string(point.join("tensors.tsv")).unwrap();
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let column = |name: &str| header.iter().position(|field| *field == name).unwrap();
    let (shard, path) = (column("shard"), column("path"));
    lines
        .map(|row| {
            let result = fs::read(point.join(row[path]));
            (
                row[shard].to_owned(),
                result.err().map(|e| e.raw_os_error().unwrap()),
            )
        })
        .collect()
}

fn a_missing_shard_fails_its_own_tensors_only() {
    let lab = Lab::new();
    let source = lab.copy_of(SHARDED);
    fs::remove_file(with_suffix(&source, ".data-00001-of-00003")).unwrap();
    let warning = said(&finish(&mut lab.mount_command(&source, "")));
    assert!(warning.contains("data-00001-of-00003 is missing"), "{warning}");
    let point = lab.path("mnt");
    let all = errnos(&point);
    for (shard, errno) in &all {
        let want = (shard == "1").then_some(libc::EIO);
        if !shard.is_empty() {
            assert_eq!(*errno, want, "shard {shard}: {all:?}");
        }
    }
    assert!(all.iter().any(|(shard, _)| shard == "1"), "{all:?}");
    assert!(all.iter().any(|(_, errno)| errno.is_none()), "{all:?}");
    // Told where people look: by the command, in info.txt and in the log.
    let info = fs::read_to_string(point.join("info.txt")).unwrap();
    assert!(info.contains("data-00001-of-00003"), "{info}");
    let log = fs::read_to_string(lab.path("log")).unwrap();
    assert!(log.contains("data-00001-of-00003: tensor hidden/bias"), "{log}");
    // Once, however often it is met.
    errnos(&point);
    assert_eq!(fs::read_to_string(lab.path("log")).unwrap(), log);
    lab.umount();
}

fn a_short_shard_fails_its_last_tensors_only() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let shard = with_suffix(&source, ".data-00000-of-00001");
    let file = File::options().write(true).open(&shard).unwrap();
    file.set_len(fs::metadata(&shard).unwrap().len() / 2).unwrap();
    let point = lab.mount(&source, "");
    let all = errnos(&point);
    assert!(all.iter().any(|(_, errno)| errno.is_none()), "{all:?}");
    assert!(all.iter().any(|(_, errno)| *errno == Some(libc::EIO)), "{all:?}");
    assert!(
        all.iter().all(|(_, errno)| errno.is_none_or(|e| e == libc::EIO)),
        "{all:?}"
    );
    let info = fs::read_to_string(point.join("info.txt")).unwrap();
    assert!(!info.contains("none found"), "{info}");
    lab.umount();
}

fn a_shard_cut_under_the_mount() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let point = lab.mount(&source, "");
    fs::read(point.join("tensors/conv/bias.npy")).unwrap();
    let shard = with_suffix(&source, ".data-00000-of-00001");
    File::options()
        .write(true)
        .open(&shard)
        .unwrap()
        .set_len(100)
        .unwrap();
    let error = fs::read(point.join("tensors/dense/kernel.npy")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    // What does not come from the shard is still there, and so is the mount.
    fs::read(point.join("info.txt")).unwrap();
    fs::read(point.join("ops/dense/MatMul/@type")).unwrap();
    assert_eq!(lab.daemons().len(), 1);
    let log = fs::read_to_string(lab.path("log")).unwrap();
    assert!(log.contains("data-00000-of-00001"), "{log}");
    lab.umount();
}

fn a_shard_replaced_by_rename_stays_readable() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let view = support::view(&source);
    let want = support::read(&view, b"tensors/dense/kernel.npy").unwrap();
    let point = lab.mount(&source, "");
    // As a training saves again under the same name.
    let shard = with_suffix(&source, ".data-00000-of-00001");
    fs::write(lab.path("new"), vec![7; 60_000]).unwrap();
    fs::rename(lab.path("new"), &shard).unwrap();
    assert!(fs::read(point.join("tensors/dense/kernel.npy")).unwrap() == want);
    fs::remove_file(&shard).unwrap();
    assert!(fs::read(point.join("tensors/conv/kernel.npy")).is_ok());
    lab.umount();
}

fn a_damaged_index_does_not_mount() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let index = with_suffix(&source, ".index");
    let mut bytes = fs::read(&index).unwrap();
    bytes[200] ^= 0xff;
    fs::write(&index, &bytes).unwrap();
    let (code, text) = fails(&mut lab.mount_command(&source, ""));
    assert_eq!(code, 3);
    assert!(
        text.contains("model.ckpt-10.index") && text.contains("offset"),
        "{text}"
    );
    assert_eq!(mount_line(&lab.path("mnt")), None);
    assert!(!lab.path("mnt").exists(), "what was made for it is taken away");
    fs::write(&index, &bytes[..bytes.len() / 2]).unwrap();
    let (code, text) = fails(&mut lab.mount_command(&source, ""));
    assert_eq!(code, 3);
    assert!(text.contains("model.ckpt-10.index"), "{text}");
    fs::write(&index, b"").unwrap();
    let (code, _) = fails(&mut lab.mount_command(&source, ""));
    assert_eq!(code, 3);
    lab.no_daemons();
}

fn wrong_names_are_told() {
    let lab = Lab::new();
    let source = lab.copy_of(SAMPLE);
    let output = finish(&mut lab.mount_command(&source.with_file_name("model.ckpt-11"), ""));
    let text = said(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("model.ckpt-10"), "names what there is: {text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(!lab.path("mnt").exists());
    // Any file of the checkpoint will do.
    for suffix in [".index", ".meta", ".data-00000-of-00001"] {
        let point = lab.mount(&with_suffix(&source, suffix), "");
        assert_eq!(
            fs::read_dir(point.join("tensors")).unwrap().count(),
            4,
            "{suffix}"
        );
        lab.umount();
    }
    ok(&mut lab.program(&["--version"]));
}
