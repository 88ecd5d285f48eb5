//! The command line, one definition each: help is made from it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::CommandFactory;
use clap::Parser;
use clap::Subcommand;

const AFTER_HELP: &str = "\
SOURCE may be a prefix (results/model.ckpt-10), any file of a checkpoint
(.index, .meta, .data-00000-of-00001), a `checkpoint` state file (its latest), or
a training directory: all its checkpoints, followed while the training runs.

Examples:
  ckptfs results/model.ckpt-10                       what is in it
  ckptfs mount results/model.ckpt-10 /mnt/ck         the same as files; then:
                                                     ckptfs umount /mnt/ck
  ckptfs mount results /mnt/run                      all checkpoints, and latest
  ckptfs tensors results/model.ckpt-10 '*kernel*'    a table of tensors
  ckptfs ls results/model.ckpt-10 tensors/dense      the same tree as a mount shows
  ckptfs cat results/model.ckpt-10 tensors/dense/kernel.npy > kernel.npy
  ckptfs print results/model.ckpt-10 'dense/kernel[0,:5]'

Exit status: 0 fine, 1 a problem found, 2 usage, 3 unreadable or corrupt input,
4 could not mount.";

/// TensorFlow checkpoints as directories: browse, print and load tensors without TensorFlow.
#[derive(Debug, Parser)]
#[command(name = "ckptfs", version, after_help = AFTER_HELP, disable_help_subcommand = true, max_term_width = 100)]
pub(super) struct Cli {
    /// Say more on stderr (-vv: even more).
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub(super) verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Mount a checkpoint, or a training directory, as a directory
    Mount(MountArgs),
    /// Unmount what ckptfs has mounted on a directory
    Umount(UmountArgs),
    /// Say what a checkpoint is: files, step, tensors, parameters, problems; list those of a directory
    Info(InfoArgs),
    /// List tensors: name, dtype, shape, parameters, bytes, role
    Tensors(TensorsArgs),
    /// List files of the tree, as ls would in a mount
    Ls(LsArgs),
    /// Write files of the tree to stdout
    Cat(CatArgs),
    /// Print numbers of a tensor: NAME or NAME[INDEX,...]
    Print(PrintArgs),
    /// Print the prefix that SOURCE means
    Resolve(ResolveArgs),
}

/// `ckptfs mount`.
#[derive(Debug, Args)]
#[command(after_help = MOUNT_HELP)]
pub(super) struct MountArgs {
    /// A checkpoint (its prefix or any of its files) or a training directory.
    pub(super) source: PathBuf,
    /// The directory to mount on; made if it is missing.
    pub(super) mountpoint: PathBuf,
    /// Stay in the foreground; Ctrl-C unmounts.
    #[arg(short, long)]
    pub(super) foreground: bool,
    /// Mount options, as mount(8) takes them (see below); may be repeated.
    #[arg(short, value_name = "OPT,...")]
    pub(super) options: Vec<OsString>,
    /// Append the log to this file [default: the system log, or stderr with -f].
    #[arg(long, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

const MOUNT_HELP: &str = "\
Mount options:
  allow_other         let other users in; permission bits are checked
  uid=N gid=N         owner and group, in place of those of the source files
  umask=OCTAL         permission bits that nothing has
  xattr               answer extended attributes (getfattr -d -m user.ckptfs FILE)
  fsname=NAME         the source that mount and df show
  threads=N           threads that serve requests
  max_background=N    requests the kernel may have under way by itself
  read_ahead_kb=N     readahead of the mount [default: 1024 where permitted]
Words of fstab (noauto, user, nofail, _netdev, x-*, ...) are taken and ignored.
The mount is always read-only, nodev, nosuid and noexec.

fstab:  /data/model.ckpt-10  /mnt/ck  fuse.ckptfs  noauto,user,allow_other  0 0

Returns once the mount is live. Unmount: ckptfs umount DIR";

/// `ckptfs umount`.
#[derive(Debug, Args)]
pub(super) struct UmountArgs {
    /// The directories to unmount.
    #[arg(required = true)]
    pub(super) mountpoints: Vec<PathBuf>,
}

/// `ckptfs info`.
#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// A checkpoint (its prefix or any of its files) or a training directory.
    pub(super) source: PathBuf,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(super) json: bool,
}

/// `ckptfs tensors`.
#[derive(Debug, Args)]
pub(super) struct TensorsArgs {
    /// A checkpoint: its prefix or any of its files; of a training directory the latest.
    pub(super) source: PathBuf,
    /// Only names that match one of these patterns (* crosses /).
    pub(super) globs: Vec<String>,
    /// Only these roles: weight, slot, ema, counter, metric, other (comma separated).
    #[arg(long, value_delimiter = ',', value_name = "ROLE")]
    pub(super) role: Vec<String>,
    /// Order: name (numbers in names count as numbers), size (largest first), key (as stored).
    #[arg(long, default_value = "name", value_parser = ["name", "size", "key"], value_name = "ORDER")]
    pub(super) sort: String,
    /// One JSON document instead of a table.
    #[arg(long)]
    pub(super) json: bool,
}

/// `ckptfs ls`.
#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// A checkpoint (its prefix or any of its files) or a training directory.
    pub(super) source: PathBuf,
    /// Paths in the tree; components may be patterns (*, ?, [...]; ** for any depth).
    pub(super) paths: Vec<OsString>,
    /// One line a file: type, size, name, link target.
    #[arg(short, long)]
    pub(super) long: bool,
    /// Directories with all that is below them.
    #[arg(short = 'R', long)]
    pub(super) recursive: bool,
    /// Directories themselves, not what is in them.
    #[arg(short, long)]
    pub(super) directory: bool,
    /// One JSON document instead of lines.
    #[arg(long)]
    pub(super) json: bool,
}

/// `ckptfs cat`.
#[derive(Debug, Args)]
pub(super) struct CatArgs {
    /// A checkpoint (its prefix or any of its files) or a training directory.
    pub(super) source: PathBuf,
    /// Files in the tree; components may be patterns (*, ?, [...]; ** for any depth).
    #[arg(required = true)]
    pub(super) paths: Vec<OsString>,
}

/// `ckptfs print`.
#[derive(Debug, Args)]
pub(super) struct PrintArgs {
    /// A checkpoint: its prefix or any of its files; of a training directory the latest.
    pub(super) source: PathBuf,
    /// Tensors or patterns, each with an optional part as in NumPy: 'dense/kernel[0,:5]', 'w[-1]', 'w[::100, 3]'.
    #[arg(required = true)]
    pub(super) tensors: Vec<OsString>,
    /// Print every element; otherwise the middle of long tensors is left out.
    #[arg(long)]
    pub(super) all: bool,
    /// One JSON document: name, dtype, shape and values.
    #[arg(long)]
    pub(super) json: bool,
}

/// `ckptfs resolve`.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// A checkpoint: its prefix or any of its files; of a training directory the latest.
    pub(super) source: PathBuf,
    /// One JSON document with all files.
    #[arg(long)]
    pub(super) json: bool,
}

/// Puts the command in where the user gave only operands: one means info, two mean mount (fstab).
pub(super) fn expand(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let command = Cli::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let first = args
        .iter()
        .enumerate()
        .skip(1)
        .find(|(_, arg)| !arg.to_string_lossy().starts_with('-'));
    let Some((at, word)) = first else {
        return args;
    };
    let known = word.to_str().is_some_and(|word| names.contains(&word));
    // A mistyped command is an error that names the right one; a path is a source.
    let looks_like_path = word.to_string_lossy().contains(['/', '.']) || std::path::Path::new(word).exists();
    if !known && looks_like_path {
        let operands = args
            .iter()
            .skip(at)
            .filter(|arg| !arg.to_string_lossy().starts_with('-'))
            .count();
        let command = if operands >= 2 && names.contains(&"mount") {
            "mount"
        } else {
            "info"
        };
        args.insert(at, command.into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(args: &[&str]) -> Vec<String> {
        let args = args.iter().map(OsString::from);
        expand(args)
            .into_iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_operand_means_info() {
        assert_eq!(expanded(&["ckptfs", "a/b"]), ["ckptfs", "info", "a/b"]);
        assert_eq!(
            expanded(&["ckptfs", "-v", "a/b"]),
            ["ckptfs", "-v", "info", "a/b"]
        );
        assert_eq!(expanded(&["ckptfs", "ls", "a/b"]), ["ckptfs", "ls", "a/b"]);
        assert_eq!(expanded(&["ckptfs", "lss"]), ["ckptfs", "lss"]);
        assert_eq!(expanded(&["ckptfs"]), ["ckptfs"]);
    }
}
