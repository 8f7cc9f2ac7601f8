#!/usr/bin/env python3
"""A command whose reads of some bytes fail with EIO, as those of a bad sector do: without a device, without root, and with the
binary as it is. The kernel hands each pread to a process beside it (seccomp user notification, Linux 5.5), which looks which file it is of.

    bad_sectors.py LIST COMMAND...

LIST has a line `DEVICE INODE FROM TO` for each range that can't be read, and may change meanwhile: a file keeps its bad bytes under any
name, and one that takes its name has none.
"""

import ctypes
import errno
import fcntl
import os
import pathlib
import platform
import socket
import struct
import sys

HERE = pathlib.Path(__file__).resolve()
# Numbers of pread64 and of seccomp, by machine.
CALLS = {"x86_64": (17, 317), "aarch64": (67, 277)}
NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.POINTER(Instruction))]


def listen():
    """From now on the preads of this process wait for who holds the descriptor."""
    pread, seccomp = CALLS[platform.machine()]
    code = (Instruction * 4)(Instruction(LOAD, 0, 0, 0), Instruction(JUMP_EQUAL, 0, 1, pread), Instruction(RETURN, 0, 0, NOTIFY),
                             Instruction(RETURN, 0, 0, ALLOW))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    listener = libc.syscall(seccomp, SET_MODE_FILTER, NEW_LISTENER, ctypes.byref(Filter(4, code)))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def is_bad(bad, pid, descriptor, size, offset):
    status = os.stat(f"/proc/{pid}/fd/{descriptor}")
    for line in bad.read_text().splitlines():
        device, inode, begin, end = map(int, line.split())
        if (device, inode) == (status.st_dev, status.st_ino) and offset < end and begin < offset + size:
            return True
    return False


def serve(listener, bad):
    while True:
        notice = bytearray(80)
        try:
            fcntl.ioctl(listener, RECEIVE, notice)
        except OSError as error:
            if error.errno == errno.EINTR:
                continue
            return  # nobody is left
        number, pid, _, _, _, _, descriptor, _, size, offset, _, _ = struct.unpack("<QIIiIQ6Q", notice)
        try:
            answer = struct.pack("<QqiI", number, 0, -errno.EIO, 0)
            if not is_bad(bad, pid, descriptor, size, offset):
                answer = struct.pack("<QqiI", number, 0, 0, CONTINUE)
            fcntl.ioctl(listener, SEND, bytearray(answer))
        except OSError:
            pass  # it was killed meanwhile


def wrap(bad):
    """What goes in front of a command, so that it can't read what the file `bad` lists."""
    return [sys.executable, str(HERE), str(bad)]


def add(bad, path, begin, end):
    """Bytes [begin, end) of the file that is at `path` now can't be read any more. A link beside the list holds the inode: its number is never
    another file's."""
    status = os.stat(path)
    held = pathlib.Path(bad).parent / f"held-{status.st_ino}"
    if not held.exists():
        os.link(path, held)
    with open(bad, "a", encoding="ascii") as file:
        file.write(f"{status.st_dev} {status.st_ino} {begin} {end}\n")


def can():
    """Whether this machine lets it."""
    if platform.machine() not in CALLS:
        return False
    child = os.fork()
    if child == 0:
        try:
            listen()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main():
    bad, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        # Not the command's child to wait for, nor one of its group to be stopped with it.
        if os.fork() != 0:
            os._exit(0)
        os.setsid()
        theirs.close()
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        for number in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
        serve(descriptors[0], bad)
        os._exit(0)
    os.wait()
    ours.close()
    socket.send_fds(theirs, [b"x"], [listen()])
    theirs.close()
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
