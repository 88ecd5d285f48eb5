"""The two sides of scripts/live: a training that saves all the time, and a reader of its mount."""

import errno
import os
import pathlib
import sys
import time

import numpy as np

ELEMENTS = 200_000
# What a directory that moves may answer: gone, or gone between two steps of the walk.
MOVING = (errno.ENOENT, errno.ESTALE)


def train(directory, seconds):
    """Saves every 50 ms with tf.train.Checkpoint and with the Saver of TF1; each value is the step."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)

    large = tf.Variable(np.zeros(ELEMENTS, np.float32))
    small = tf.Variable(np.zeros(3, np.float32))
    checkpoint = tf.train.Checkpoint(large=large, small=small)
    manager = tf.train.CheckpointManager(checkpoint, directory, max_to_keep=3, checkpoint_name="new")
    graph = tf.Graph()
    with graph.as_default():
        old_large = tf.compat.v1.get_variable("large", [ELEMENTS])
        value = tf.compat.v1.placeholder(tf.float32, [])
        assign = old_large.assign(tf.fill([ELEMENTS], value))
        saver = tf.compat.v1.train.Saver(max_to_keep=3)
        over = tf.compat.v1.train.Saver()
    session = tf.compat.v1.Session(graph=graph)
    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end or step < 2:
        step += 1
        large.assign(np.full(ELEMENTS, step, np.float32))
        small.assign(np.full(3, step, np.float32))
        manager.save(checkpoint_number=step)
        session.run(assign, {value: step})
        with graph.as_default():
            saver.save(session, f"{directory}/old.ckpt", global_step=step, latest_filename="checkpoint_old")
            over.save(session, f"{directory}/over", latest_filename="checkpoint_over")
        time.sleep(0.05)
    print(f"{step} saves of each kind")


def step_of(path):
    """The step that all elements of an array are."""
    array = np.load(path)
    if array.min() != array.max():
        raise SystemExit(f"{path}: of steps {array.min()} and {array.max()}")
    return int(array.max())


def find(directory):
    """The large arrays of a checkpoint."""
    found = [name for name in ("large.npy", "small.npy") if (directory / "tensors" / name).exists()]
    if not found:
        raise FileNotFoundError(errno.ENOENT, "gone", str(directory))
    return found


def read(mount, seconds):
    """Reads through a resolved checkpoint, through links, and a prefix that is saved over."""
    mount = pathlib.Path(mount)
    counts = dict.fromkeys(["resolved", "through links", "saved over", "moved"], 0)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for link in ("latest", "latest-checkpoint_old"):
            began = None
            try:
                directory = (mount / link).resolve(strict=True)
                for name in find(directory):
                    step = step_of(directory / "tensors" / name)
                    if began not in (None, step) or not directory.name.endswith(f"-{step}"):
                        raise SystemExit(f"{directory}: {began} and {step}")
                    began = step
                    time.sleep(0.1)
                counts["resolved"] += 1
            except OSError as error:
                if began is not None or error.errno not in MOVING:
                    raise
                counts["moved"] += 1
            try:
                step_of(mount / link / "tensors" / "large.npy")
                counts["through links"] += 1
            except OSError as error:
                if error.errno not in MOVING:
                    raise
                counts["moved"] += 1
        try:
            step_of(mount / "over" / "tensors" / "large.npy")
            counts["saved over"] += 1
        except OSError as error:
            if error.errno not in (*MOVING, errno.EIO):
                raise
            counts["moved"] += 1
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    if not all(counts[what] for what in ("resolved", "through links", "saved over")):
        raise SystemExit("nothing was read")


if __name__ == "__main__":
    {"train": train, "read": read}[sys.argv[1]](sys.argv[2], float(sys.argv[3]))
