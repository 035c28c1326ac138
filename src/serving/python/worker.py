"""Runs a Python model for Trimtab in a process of its own.

Started as `python worker.py <socket>` it is the nursery: it imports what models need, once, and forks a worker for each
that the serving process asks for, so that a new version or a restart after a crash does not wait for imports (a second
for scikit-learn; the fork takes milliseconds). A worker loads one model and answers batches.

Frames, both ways, little-endian: u32 size of what follows, u32 id, u8 kind, 3 zero bytes, payload (see frames.ts).
They travel on a Unix socket of their own; stdout is stderr here, so nothing that a model prints can get between them.
Needs the standard library, numpy, and whatever the model needs.
"""

import gc
import importlib
import json
import os
import pickletools
import select
import signal
import socket
import struct
import sys
import time
import traceback
import zipfile

# Our own other half; imported before the folder of this file stops being a place to import from, and without leaving
# compiled files in an installation that may not be ours to write.
wrote, sys.dont_write_bytecode = sys.dont_write_bytecode, True
from trimtab_flavors import resolve_entry, skops_modules  # noqa: E402
from trimtab_model import Model  # noqa: E402

sys.dont_write_bytecode = wrote

JSON, BATCH, PREDICTIONS, ERROR = 1, 2, 3, 4
SCAN_SECONDS = 0.5
SCAN_BYTES = 4 << 20
# Folders of versions never change, so one look is enough.
PRELOADED = set()


# Frames


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def receive(self):
        """The next frame as (id, kind, memoryview of its body from the id on), or None when the other side is gone."""
        head = self._exactly(4)
        if head is None:
            return None
        body = self._exactly(struct.unpack("<I", head)[0])
        if body is None:
            return None
        frame_id, kind = struct.unpack_from("<IB", body)
        return frame_id, kind, memoryview(body)

    def _exactly(self, size):
        buffer = bytearray(size)
        view = memoryview(buffer)
        got = 0
        while got < size:
            count = self.socket.recv_into(view[got:])
            if count == 0:
                return None
            got += count
        return buffer

    def send(self, frame_id, kind, *parts):
        size = 8 + sum(len(part) for part in parts)
        self.socket.sendall(b"".join((struct.pack("<IIBxxx", size, frame_id, kind), *parts)))

    def send_json(self, frame_id, value, kind=JSON):
        self.send(frame_id, kind, json.dumps(value).encode())

    def send_error(self, frame_id, error):
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))[-4000:]
        about = {"type": type(error).__name__, "message": str(error)[:2000], "trace": trace}
        self.send_json(frame_id, about, ERROR)


# The nursery


def nursery(path):
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    # The serving process decides when we end; a Ctrl-C in its terminal must not end models that still drain.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = Connection(path)
    control.send_json(0, {"role": "nursery", "pid": os.getpid(), "python": sys.version.split()[0]})
    while True:
        readable, _, _ = select.select([control.socket, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            report_dead(control)
        if control.socket not in readable:
            continue
        frame = control.receive()
        if frame is None:
            # Our parent is gone; workers follow by their own end of file, or by the signal that our end sends them.
            remove_socket(path)
            os._exit(0)
        order = json.loads(bytes(frame[2][8:]))
        preload(order["folder"], order["entry"])
        pid = fork_worker(path, order["token"], control)
        control.send_json(frame[0], {"pid": pid})


def remove_socket(path):
    """The parent does this itself, unless it was killed."""
    try:
        os.unlink(path)
        os.rmdir(os.path.dirname(path))
    except OSError:
        pass


def report_dead(control):
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        control.send_json(0, {"dead": pid, "how": how})


def preload(folder, entry):
    """Imports what the model's pickle names, here, so that every worker has it. Failing is left to the worker to tell."""
    if (folder, entry) in PRELOADED:
        return
    PRELOADED.add((folder, entry))
    for name in modules_of(folder, entry):
        try:
            importlib.import_module(name)
        except BaseException:
            pass


def modules_of(folder, entry):
    path, flavors = resolve_entry(folder, entry)
    if path is None:
        loader = flavors.get("loader_module", "")
        return ["mlflow.pyfunc", loader, loader.partition(".")[2]]
    if flavors.get("serialization_format") == "skops" and zipfile.is_zipfile(path):
        return ["numpy", *skops_modules(path, SCAN_BYTES)]
    if flavors.get("loader_module") in ("mlflow.xgboost", "mlflow.lightgbm"):
        return ["numpy", flavors["loader_module"].removeprefix("mlflow.")]
    found = {}
    texts = []
    deadline = time.monotonic() + SCAN_SECONDS
    try:
        with open(path, "rb") as file:
            head = file.read(SCAN_BYTES)
        # STACK_GLOBAL takes its module and name from the texts pushed before it; a stray text only fails to import.
        for opcode, argument, _ in pickletools.genops(head):
            if opcode.name == "GLOBAL":
                found[argument.split(" ")[0]] = True
            elif opcode.name == "STACK_GLOBAL":
                for text in texts[-2:]:
                    found[text] = True
            elif isinstance(argument, str):
                texts.append(argument)
            if time.monotonic() > deadline:
                break
    except Exception:
        pass
    # Only names with a dot: a package's own modules have one, and a stray text seldom does.
    return ["numpy", *[name for name in found if "." in name and all(part.isidentifier() for part in name.split("."))]]


def fork_worker(path, token, control):
    parent = os.getpid()
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if pid != 0:
        return pid
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.socket.close()
        die_with_parent(parent)
        work(path, token)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def die_with_parent(parent):
    """Linux ends us when the nursery ends, also in the middle of a computation. Elsewhere the end of file must do."""
    try:
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except Exception:
        pass
    if os.getppid() != parent:
        os._exit(0)


# The worker


def work(path, token):
    connection = Connection(path)
    connection.send_json(0, {"role": "worker", "token": token, "pid": os.getpid()})
    model = None
    while True:
        frame = connection.receive()
        if frame is None:
            return
        frame_id, kind, body = frame
        try:
            if kind == JSON:
                model = Model(json.loads(bytes(body[8:])))
                connection.send_json(frame_id, model.about())
            else:
                connection.send(frame_id, PREDICTIONS, *model.answer(body))
        except Exception as error:
            connection.send_error(frame_id, error)


if __name__ == "__main__":
    sys.path[0:1] = []
    nursery(sys.argv[1])
